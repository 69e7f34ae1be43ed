using System.Collections.Concurrent;
using ImageIO.Http.Listeners.Sockets;
using Microsoft.Extensions.Hosting;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// The connections to daemons: kept between requests, and ended when their daemon stands still. There is no limit to how
/// many are in use: each serves a client's connection.
/// </summary>
public sealed class UpstreamPool : BackgroundService
{
    // A daemon closes idle connections after 60 s unless its ticket says otherwise: ours go before, so that a request
    // rarely meets one that is just being closed. It could not be sent again.
    private static readonly TimeSpan LongestIdle = TimeSpan.FromSeconds(50);

    private readonly UpstreamSettings _settings;
    private readonly UpstreamTls _tls;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<UpstreamConnection, byte> _busy = new();
    private readonly Lock _lock = new();

    // By origin; the one given back last is taken first. Guarded by _lock. Origins without idle connections have no entry.
    private readonly Dictionary<string, Stack<UpstreamConnection>> _idle = new(StringComparer.Ordinal);

    /// <summary>Creates an empty pool.</summary>
    /// <param name="settings">How daemons are reached.</param>
    /// <param name="loops">Who hears of sockets.</param>
    /// <param name="time">The clock.</param>
    internal UpstreamPool(UpstreamSettings settings, Lazy<EventLoops> loops, TimeProvider time)
    {
        _settings = settings;
        _time = time;
        _tls = new UpstreamTls(settings, loops, time);
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
                return _idle.Values.Sum(stack => stack.Count);
            }
        }
    }

    /// <inheritdoc />
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        CloseIdle(_ => true);
    }

    /// <summary>A connection to a daemon, of those that are kept or a new one.</summary>
    /// <inheritdoc cref="UpstreamConnection.ConnectAsync" path="/exception" />
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

        UpstreamConnection connection = await UpstreamConnection.ConnectAsync(url, _settings, _tls, _time, cancellationToken);
        _busy[connection] = 0;
        return connection;
    }

    /// <summary>Gives a connection back.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="isKeepable">Whether it can serve another request: both messages passed it to their ends.</param>
    internal void Return(UpstreamConnection connection, bool isKeepable)
    {
        _busy.TryRemove(connection, out _);
        if (!isKeepable)
        {
            connection.Dispose();
            return;
        }

        connection.IdleSince = _time.GetTimestamp();
        lock (_lock)
        {
            if (!_idle.TryGetValue(connection.Origin, out Stack<UpstreamConnection>? stack))
            {
                _idle[connection.Origin] = stack = new();
            }

            stack.Push(connection);
        }
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
            if (!_idle.TryGetValue(origin, out Stack<UpstreamConnection>? stack))
            {
                return null;
            }

            UpstreamConnection connection = stack.Pop();
            if (stack.Count == 0)
            {
                _idle.Remove(origin);
            }

            return connection;
        }
    }

    private void CloseIdle(Predicate<UpstreamConnection> isOver)
    {
        lock (_lock)
        {
            foreach ((string origin, Stack<UpstreamConnection> stack) in _idle.ToArray())
            {
                // From the bottom up, so that the order stays.
                UpstreamConnection[] all = [.. stack.Reverse()];
                stack.Clear();
                foreach (UpstreamConnection connection in all)
                {
                    if (isOver(connection))
                    {
                        connection.Dispose();
                    }
                    else
                    {
                        stack.Push(connection);
                    }
                }

                if (stack.Count == 0)
                {
                    _idle.Remove(origin);
                }
            }
        }
    }
}
