using System.Collections.Concurrent;
using ImageIO.Transport.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Follows every client connection from accept to close, and ends those that idle or stall for too long.
/// </summary>
public sealed partial class ConnectionWatch : BackgroundService
{
    /// <summary>
    /// How long a connection that has not opened an image may idle: 60 s, as clients of the reference expect.
    /// </summary>
    public static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(60);

    // How long a client may take to introduce itself while there are many others that have not.
    private static readonly TimeSpan PatienceWithMany = TimeSpan.FromSeconds(5);

    // From when on a connection that idles may be ended to make room.
    private static readonly TimeSpan LeastIdle = TimeSpan.FromSeconds(3);

    private readonly ConnectionCapacity _capacity;
    private readonly TimeProvider _time;
    private readonly ILogger<ConnectionWatch> _logger;
    private readonly ConcurrentDictionary<ClientConnection, byte> _open = new();
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Connections that had made room for others when the log said so last. Used by the sweep alone.
    private long _loggedMadeRoom;

    // Services whose connections are to end; null before the host stops.
    private volatile IReadOnlyCollection<string>? _draining;

    /// <summary>Creates a watch of no connection yet.</summary>
    /// <param name="capacity">How many connections there may be.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where to say which connections came and went.</param>
    internal ConnectionWatch(ConnectionCapacity capacity, TimeProvider time, ILogger<ConnectionWatch> logger)
    {
        _capacity = capacity;
        _time = time;
        _logger = logger;
        capacity.Clients.EndAnIdleOne = () => EndLongestIdle(isForHost: false);
        capacity.Host.EndAnIdleOne = () => EndLongestIdle(isForHost: true);
    }

    /// <summary>How many connections there may be.</summary>
    internal ConnectionCapacity Capacity => _capacity;

    /// <summary>What larger request bodies are gathered from.</summary>
    internal MessageBudget Messages { get; } = new();

    /// <summary>Completes when the first connection of all has come.</summary>
    internal Task FirstConnection => _first.Task;

    /// <summary>Connections open now.</summary>
    public int Count => _open.Count;

    /// <summary>The connections open now, in no order.</summary>
    internal IEnumerable<ClientConnection> Open => _open.Keys;

    /// <summary>Connections open now, by service.</summary>
    public IEnumerable<(string Service, int Count)> CountByService() =>
        _open.Keys.CountBy(connection => connection.Service).Select(pair => (pair.Key, pair.Value));

    /// <summary>Requests that run on connections to some services.</summary>
    internal int RunningRequests(IReadOnlyCollection<string> services) =>
        _open.Keys.Count(connection => services.Contains(connection.Service) && connection.IsInRequest);

    /// <summary>
    /// Ends the connections to some services, each when its running request has been answered; done when none is left.
    /// </summary>
    internal Task DrainAsync(IReadOnlyCollection<string> services)
    {
        _draining = services;
        foreach (ClientConnection connection in _open.Keys.Where(IsDraining))
        {
            connection.EndWhenIdle();
        }

        CheckDrained();
        return _drained.Task;
    }

    /// <summary>Logs that the server refused what came on a connection before it was a request.</summary>
    internal void LogRefused(ClientConnection connection, int status) =>
        Log.Refused(_logger, connection.Id, connection.Service, status);

    /// <summary>The connection's life: runs the server's part of it, then gives back the images it held.</summary>
    internal async Task RunAsync(ConnectionContext context, ServiceListener listener, ConnectionDelegate next)
    {
        string service = listener.Service;
        var connection = new ClientConnection(context, listener, Messages, DefaultPatience, _time);
        context.Features.Set(connection);
        _open[connection] = 0;
        _first.TrySetResult();
        Log.Opened(_logger, service, connection.Id, context.RemoteEndPoint);
        try
        {
            if (IsDraining(connection))
            {
                // Accepted just before the listener closed.
                connection.EndWhenIdle();
            }

            await next(context);
        }
        finally
        {
            _open.TryRemove(connection, out _);
            // Not awaited: a storage that hangs in close(2) must not hold up the end of a connection. The tickets own
            // the images and wait for them.
            _ = connection.Images.DisposeAsync().AsTask();
            foreach ((string transferId, TransferTotals totals) in connection.Tally.Totals)
            {
                Log.Summary(
                    _logger,
                    transferId,
                    connection.Id,
                    totals.Operations,
                    totals.Bytes,
                    totals.Duration.TotalSeconds,
                    totals.End,
                    connection.ClientWait.TotalSeconds,
                    totals.StorageWait.TotalSeconds,
                    connection.HandshakeTime.TotalSeconds);
            }

            Log.Closed(_logger, service, connection.Id);
            CheckDrained();
        }
    }

    /// <inheritdoc />
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        ConnectionLimits limits = _capacity.Limits;
        Log.Limits(_logger, limits.Clients, limits.Host, limits.Descriptors, limits.Memory);
        return Sweep.RunAsync(EndOverdue, _time, stoppingToken);
    }

    private void EndOverdue()
    {
        TimeSpan patience = _capacity.Clients.HasManyNewcomers ? PatienceWithMany : DefaultPatience;
        foreach (ClientConnection connection in _open.Keys)
        {
            if (connection.EndIfOverdue(connection.IsForHost ? DefaultPatience : patience))
            {
                Log.Overdue(_logger, connection.Service, connection.Id);
            }
        }

        long madeRoom = _capacity.MadeRoom;
        if (madeRoom != _loggedMadeRoom)
        {
            Log.MadeRoom(_logger, madeRoom - _loggedMadeRoom, _open.Count);
            _loggedMadeRoom = madeRoom;
        }
    }

    // Of those that hold no image. Whether there was one.
    private bool EndLongestIdle(bool isForHost)
    {
        ClientConnection? longest = _open.Keys
            .Where(connection => connection.IsForHost == isForHost && connection.IdlesSince is not null)
            .MinBy(connection => connection.IdlesSince);
        // A client that has just introduced itself is about to send its request.
        if (longest?.IdlesSince is not { } since || _time.GetElapsedTime(since) < LeastIdle)
        {
            return false;
        }

        longest.EndWhenIdle();
        return true;
    }

    private bool IsDraining(ClientConnection connection) => _draining?.Contains(connection.Service) == true;

    private void CheckDrained()
    {
        if (_draining is not null && !_open.Keys.Any(IsDraining))
        {
            _drained.TrySetResult();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Debug, "Connection {Connection} to the {Service} service opened by {Client}")]
        public static partial void Opened(
            ILogger logger, string service, string connection, System.Net.EndPoint? client);

        [LoggerMessage(2, LogLevel.Debug, "Connection {Connection} to the {Service} service closed")]
        public static partial void Closed(ILogger logger, string service, string connection);

        [LoggerMessage(6, LogLevel.Information, "Transfer {TransferId}: connection {Connection} closed after "
            + "{Operations} operations, {Bytes} bytes in {Duration:F3} s: {End}; waited {ClientWait:F3} s for the "
            + "client, {StorageWait:F3} s for the storage, {Handshake:F3} s for the TLS handshake")]
        public static partial void Summary(
            ILogger logger,
            string transferId,
            string connection,
            long operations,
            long bytes,
            double duration,
            string end,
            double clientWait,
            double storageWait,
            double handshake);

        [LoggerMessage(3, LogLevel.Information, "Connection {Connection} to the {Service} service ended: idle or "
            + "stalled for too long")]
        public static partial void Overdue(ILogger logger, string service, string connection);

        [LoggerMessage(8, LogLevel.Warning, "{Count} connections that had sent nothing, or were idle without an image, "
            + "were closed to make room for others; {Open} are open")]
        public static partial void MadeRoom(ILogger logger, long count, int open);

        [LoggerMessage(9, LogLevel.Information, "At most {Clients} connections of clients and {Host} of this host are "
            + "open at once, by {Descriptors} descriptors and {Memory} bytes of memory; more wait")]
        public static partial void Limits(ILogger logger, int clients, int host, long descriptors, long memory);

        [LoggerMessage(7, LogLevel.Information, "Connection {Connection} to the {Service} service: what came is "
            + "no request, answered {Status}")]
        public static partial void Refused(ILogger logger, string connection, string service, int status);
    }
}
