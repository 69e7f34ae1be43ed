using System.Net;

namespace ImageIO.Tests.Support;

/// <summary>The real proxy in front of a real daemon, over real TLS on both sides.</summary>
public sealed class ProxiedDaemon : IAsyncLifetime
{
    public ProxyFixture Proxy { get; } = new();

    public DaemonFixture Daemon { get; } = new();

    public HttpClient Client => Proxy.Client;

    public async Task InitializeAsync()
    {
        await Daemon.InitializeAsync();
        await Proxy.InitializeAsync();
        Proxy.Trust(Daemon.Files.Certificate);
    }

    public async Task DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Daemon.DisposeAsync();
    }

    /// <summary>Creates an image at the daemon, and tickets for it at both.</summary>
    internal async Task<TestImage> AddImageAsync(byte[] content, params string[] ops)
    {
        TestImage image = await Daemon.AddImageAsync(content, ops);
        await Proxy.InstallAsync(image.Id, Daemon.RemotePort);
        return image;
    }

    /// <summary>A signed ticket for an image at the daemon.</summary>
    internal string Sign(string id) => Proxy.Sign(id, Daemon.RemotePort);

    /// <summary>Sends a request without a body.</summary>
    internal async Task<HttpResponseMessage> SendAsync(
        string method, string path, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path);
        foreach ((string name, string value) in headers)
        {
            Assert.True(request.Headers.TryAddWithoutValidation(name, value), name);
        }

        return await Client.SendAsync(request);
    }

    /// <summary>Fails unless an answer has this status, and shows its text then.</summary>
    internal static async Task AssertStatusAsync(HttpStatusCode status, HttpResponseMessage response) => Assert.True(
        status == response.StatusCode, $"{(int)response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
}
