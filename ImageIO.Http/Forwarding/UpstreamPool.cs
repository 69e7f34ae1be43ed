using System.Collections.Concurrent;
using ImageIO.Http.Listeners.Sockets;
using Microsoft.Extensions.Hosting;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// The connections to daemons: kept between requests, and closed when their daemon stalls. As many are in use as clients'
/// requests are forwarded; how many are kept idle is limited.
/// </summary>
public sealed class UpstreamPool : BackgroundService
{
    /// <summary>
    /// Most idle connections, to all daemons together. Enough for the 8 connections of 16 clients; each costs a descriptor
    /// and some 40 KiB, and saves one TLS handshake, about a millisecond.
    /// </summary>
    internal const int MostIdle = 128;

    // A daemon closes idle connections after 60 s unless its ticket says otherwise. Ours are closed before, because a
    // request that meets a connection just being closed cannot be sent again.
    private static readonly TimeSpan LongestIdle = TimeSpan.FromSeconds(50);

    private readonly UpstreamConnector _connector;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<UpstreamConnection, byte> _busy = new();
    private readonly Lock _lock = new();

    // In the order in which they became idle. Guarded by _lock.
    private readonly List<UpstreamConnection> _idle = [];

    /// <summary>Creates an empty pool.</summary>
    /// <param name="settings">How daemons are reached.</param>
    /// <param name="loops">The threads that watch sockets.</param>
    /// <param name="time">The clock.</param>
    internal UpstreamPool(UpstreamSettings settings, Lazy<EventLoops> loops, TimeProvider time)
    {
        _connector = new UpstreamConnector(settings, new UpstreamTls(settings, loops, time), time);
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

    /// <summary>A connection to a daemon: the one that became idle last, or a new one.</summary>
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

    /// <summary>Gives a connection back.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="isKeepable">Whether it can serve another request: both messages passed it to their ends.</param>
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
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // One sweep a second over all connections: cheaper than a timer each, and late by a second at most.
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                foreach (UpstreamConnection connection in _busy.Keys)
                {
                    connection.EndIfOverdue();
                }

                CloseIdle(connection => !connection.IsUsable || _time.GetElapsedTime(connection.IdleSince) >= LongestIdle);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
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

    // The one that must go for it, the longest idle. Null: none.
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
