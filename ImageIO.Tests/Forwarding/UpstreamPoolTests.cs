using System.Net;
using System.Net.Sockets;
using ImageIO.Http.Forwarding;
using ImageIO.Transport.Sockets;

namespace ImageIO.Tests.Forwarding;

/// <summary>The connections to daemons between requests.</summary>
public sealed class UpstreamPoolTests : IDisposable
{
    private readonly TcpListener _daemon = new(IPAddress.Loopback, 0);
    private readonly UpstreamPool _pool;

    public UpstreamPoolTests()
    {
        _daemon.Start(UpstreamPool.MostIdle * 2);
        var settings = new UpstreamSettings(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10), null);
        _pool = new UpstreamPool(
            settings,
            new Lazy<EventLoops>(() => throw new InvalidOperationException("No TLS here")), TimeProvider.System);
    }

    private UpstreamUrl Url => UpstreamUrl.Parse($"http://127.0.0.1:{((IPEndPoint)_daemon.LocalEndpoint).Port}")!;

    [Fact(Timeout = 20_000)]
    public async Task Idle_connections_are_limited_and_the_longest_idle_goes_first()
    {
        var connections = new List<UpstreamConnection>();
        for (int i = 0; i <= UpstreamPool.MostIdle; i++)
        {
            connections.Add(await _pool.RentAsync(Url, CancellationToken.None));
        }

        connections.ForEach(connection => _pool.Return(connection, isKeepable: true));

        Assert.Equal(UpstreamPool.MostIdle, _pool.IdleCount);
        Assert.Equal(0, _pool.BusyCount);
        using Socket first = await _daemon.AcceptSocketAsync();
        using Socket second = await _daemon.AcceptSocketAsync();
        Assert.Equal(0, await first.ReceiveAsync(new byte[1]));
        Assert.False(second.Poll(0, SelectMode.SelectRead), "the next is still open");
    }

    [Fact(Timeout = 20_000)]
    public async Task Connection_that_became_idle_last_serves_next_and_only_its_own_daemon()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        UpstreamUrl otherUrl = UpstreamUrl.Parse($"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}")!;
        UpstreamConnection first = await _pool.RentAsync(Url, CancellationToken.None);
        UpstreamConnection second = await _pool.RentAsync(Url, CancellationToken.None);
        UpstreamConnection third = await _pool.RentAsync(otherUrl, CancellationToken.None);
        foreach (UpstreamConnection connection in (UpstreamConnection[])[first, second, third])
        {
            _pool.Return(connection, isKeepable: true);
        }

        Assert.Same(second, await _pool.RentAsync(Url, CancellationToken.None));
        Assert.Same(first, await _pool.RentAsync(Url, CancellationToken.None));
        Assert.Same(third, await _pool.RentAsync(otherUrl, CancellationToken.None));
    }

    public void Dispose()
    {
        _pool.StopAsync(CancellationToken.None).GetAwaiter().GetResult();
        _pool.Dispose();
        _daemon.Dispose();
    }
}
