using System.Collections.Concurrent;
using ImageIO.Http.Listeners;
using ImageIO.Transport.Sockets;
using ImageIO.Transport.Tls;
using Microsoft.Extensions.Hosting;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// Connections to daemons: kept between requests, and closed when their daemon stalls. The number of idle ones is
/// limited; the number in use is that of forwarded requests.
/// </summary>
public sealed class UpstreamPool : BackgroundService
{
    /// <summary>
    /// Most idle connections, of all daemons together. Enough for 16 clients with 8 connections each. One costs a
    /// descriptor and some 40 KiB, and saves a TLS handshake of about a millisecond.
    /// </summary>
    internal const int MostIdle = 128;

    // A daemon closes idle connections after 60 s by default. Close ours earlier, because a request on a connection
    // that is being closed cannot be sent again.
    private static readonly TimeSpan LongestIdle = TimeSpan.FromSeconds(50);

    private readonly UpstreamConnector _connector;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<UpstreamConnection, byte> _busy = new();
    private readonly Lock _lock = new();

    // Ordered by when they became idle. Guarded by _lock.
    private readonly List<UpstreamConnection> _idle = [];

    /// <summary>Creates an empty pool.</summary>
    /// <param name="settings">How to reach daemons.</param>
    /// <param name="loops">The threads that watch sockets.</param>
    /// <param name="time">The clock.</param>
    internal UpstreamPool(UpstreamSettings settings, Lazy<EventLoops> loops, TimeProvider time)
    {
        _connector = new UpstreamConnector(settings, new ClientTls(settings.Authorities, loops, time), time);
        _time = time;
    }

    /// <summary>Connections in use.</summary>
    public int BusyCount => _busy.Count;

    /// <summary>Connections kept for the next request.</summary>
    public int IdleCount
    {
        get
        {
            lock (_lock)
            {
                return _idle.Count;
            }
        }
    }

    /// <inheritdoc />
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        CloseIdle(_ => true);
    }

    /// <summary>Returns the connection that became idle last, or a new one.</summary>
    /// <inheritdoc cref="UpstreamConnector.ConnectAsync" path="/exception" />
    internal async ValueTask<UpstreamConnection> RentAsync(UpstreamUrl url, CancellationToken cancellationToken)
    {
        while (TakeIdle(url.Origin) is { } idle)
        {
            if (idle.IsUsable)
            {
                _busy[idle] = 0;
                return idle;
            }

            idle.Dispose();
        }

        UpstreamConnection connection = await _connector.ConnectAsync(url, cancellationToken);
        _busy[connection] = 0;
        return connection;
    }

    /// <summary>Takes a connection back.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="isKeepable">Whether it can take another request: both messages are complete.</param>
    internal void Return(UpstreamConnection connection, bool isKeepable)
    {
        _busy.TryRemove(connection, out _);
        UpstreamConnection? surplus = connection;
        if (isKeepable)
        {
            connection.IdleSince = _time.GetTimestamp();
            surplus = Keep(connection);
        }

        surplus?.Dispose();
    }

    /// <inheritdoc />
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Sweep.RunAsync(CloseOverdue, _time, stoppingToken);

    private void CloseOverdue()
    {
        foreach (UpstreamConnection connection in _busy.Keys)
        {
            connection.EndIfOverdue();
        }

        CloseIdle(connection => !connection.IsUsable || _time.GetElapsedTime(connection.IdleSince) >= LongestIdle);
    }

    private UpstreamConnection? TakeIdle(string origin)
    {
        lock (_lock)
        {
            int last = _idle.FindLastIndex(connection => connection.Origin == origin);
            if (last < 0)
            {
                return null;
            }

            UpstreamConnection connection = _idle[last];
            _idle.RemoveAt(last);
            return connection;
        }
    }

    // The longest idle one, which must be closed for it. Null: none.
    private UpstreamConnection? Keep(UpstreamConnection connection)
    {
        lock (_lock)
        {
            UpstreamConnection? oldest = null;
            if (_idle.Count == MostIdle)
            {
                oldest = _idle[0];
                _idle.RemoveAt(0);
            }

            _idle.Add(connection);
            return oldest;
        }
    }

    private void CloseIdle(Predicate<UpstreamConnection> isOver)
    {
        lock (_lock)
        {
            _idle.RemoveAll(connection =>
            {
                bool over = isOver(connection);
                if (over)
                {
                    connection.Dispose();
                }

                return over;
            });
        }
    }
}
