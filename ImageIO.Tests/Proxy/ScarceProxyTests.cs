using System.Net;
using ImageIO.Proxy.SignedTickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>
/// A proxy with 400 descriptors and a heap of 384 MiB: everything is as before within five seconds when a burst is over
/// (issue 15, B12). Each of its transfers takes two descriptors.
/// </summary>
public sealed class ScarceProxyTests : IAsyncLifetime
{
    private const int Size = 100_000;

    private readonly ProxyFiles _files = new();
    private readonly DaemonFixture _daemon = new();
    private ProxyProcess? _proxy;

    public async Task InitializeAsync()
    {
        await _daemon.InitializeAsync();
        _files.Trust(_daemon.Files.Certificate);
        if (File.Exists(ScarceDaemon.Prlimit))
        {
            _proxy = await ProxyProcess.StartAsync(
                _files, "scarce", "", ScarceDaemon.SmallHeap, ScarceDaemon.Prlimit, "--nofile=400:400", "--");
        }
    }

    public async Task DisposeAsync()
    {
        if (_proxy is not null)
        {
            await _proxy.DisposeAsync();
        }

        await _daemon.DisposeAsync();
        _files.Dispose();
    }

    // A type that was initialized when no descriptor was left made every later answer empty.
    [SkippableFact(Timeout = 60_000)]
    public async Task Burst_of_clients_beyond_the_descriptors_is_over_when_it_is_over()
    {
        Skip.If(_proxy is null, $"Needs {ScarceDaemon.Prlimit}");
        byte[] content = Bytes.Random(Size);
        TestImage image = await _daemon.AddImageAsync(content, "read");
        string ticket = _files.Signer.Sign(
            new DaemonAddress("127.0.0.1", _daemon.RemotePort),
            image.Id, "", TimeSpan.FromMinutes(1), SignatureForms.Both);
        using HttpResponseMessage installed = await _proxy.Client.PutAsync("/tickets/", new StringContent(ticket));
        installed.EnsureSuccessStatusCode();

        // All connect at once. Those that find no room are turned away, by a closed connection or by 503, and try
        // again.
        byte[][] received = await Task.WhenAll(Enumerable.Range(0, 400).Select(async _ =>
        {
            using HttpClient client = DaemonClients.OverTls(_proxy.Port, _files.Certificate);
            while (true)
            {
                try
                {
                    return await client.GetByteArrayAsync($"{image.Url}?close=y");
                }
                catch (HttpRequestException e) when (e.StatusCode is null or HttpStatusCode.ServiceUnavailable)
                {
                }
            }
        }));

        Assert.All(received, bytes => Bytes.AssertEqual(content, bytes, "what a client received"));
        using HttpClient later = DaemonClients.OverTls(_proxy.Port, _files.Certificate);
        byte[] again = await later.GetByteArrayAsync(image.Url).WaitAsync(TimeSpan.FromSeconds(5));
        Bytes.AssertEqual(content, again, "what a later client received");
        Assert.NotEmpty(await _proxy.Monitor.GetStringAsync("/health/live").WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.DoesNotContain(" CRITICAL ", _proxy.ReadLog(), StringComparison.Ordinal);
    }
}
