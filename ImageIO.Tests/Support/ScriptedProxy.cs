using System.Net;

namespace ImageIO.Tests.Support;

/// <summary>The real proxy in front of a daemon that does what a test says, with one ticket for it.</summary>
internal sealed class ScriptedProxy : IAsyncDisposable
{
    public const string Id = "image-1";
    public const string Url = $"/images/{Id}";

    private ScriptedProxy(ProxyFixture proxy, ScriptedDaemon daemon) => (Proxy, Daemon) = (proxy, daemon);

    public ProxyFixture Proxy { get; }

    public ScriptedDaemon Daemon { get; }

    /// <param name="script">The daemon's behaviour on each connection.</param>
    /// <param name="time">The proxy's clock. Null: the system's.</param>
    /// <param name="isTrusted">Whether the proxy knows the daemon's authority.</param>
    /// <param name="isForThisHost">Whether the daemon's certificate has the names of this host.</param>
    /// <param name="host">The daemon's host in the ticket.</param>
    public static async Task<ScriptedProxy> StartAsync(
        Func<ScriptedDaemonConnection, Task> script,
        TimeProvider? time = null,
        bool isTrusted = true,
        bool isForThisHost = true,
        string host = "127.0.0.1")
    {
        var daemon = new ScriptedDaemon(
            script, IPAddress.TryParse(host, out IPAddress? address) ? address : null, isForThisHost);
        ProxyFixture proxy = await ProxyFixture.StartAsync(time: time);
        if (isTrusted)
        {
            proxy.Trust(daemon.Certificate);
        }

        await proxy.InstallAsync(Id, daemon.Port, host);
        return new ScriptedProxy(proxy, daemon);
    }

    public Task<RawClient> ConnectAsync() => Proxy.ConnectAsync();

    /// <summary>Sends one request without a body, and gives the answer.</summary>
    public async Task<RawResponse> RequestAsync(string method = "GET", string url = Url, params string[] headers)
    {
        using RawClient client = await ConnectAsync();
        await client.RequestAsync(method, url, headers);
        return await client.ReceiveAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Daemon.DisposeAsync();
    }
}
