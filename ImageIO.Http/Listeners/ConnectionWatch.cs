using System.Collections.Concurrent;
using ImageIO.Transport.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners;

/// <summary>Follows every client connection, and ends those that idle or stall for too long.</summary>
public sealed partial class ConnectionWatch : BackgroundService
{
    /// <summary>Longest idle time of a connection without an image: 60 s, as clients of the reference expect.</summary>
    public static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(60);

    // Longest time for an introduction while many other connections are in theirs.
    private static readonly TimeSpan PatienceWithMany = TimeSpan.FromSeconds(5);

    // Shortest idle time after which a connection may be ended to make room.
    private static readonly TimeSpan LeastIdle = TimeSpan.FromSeconds(3);

    private readonly ConnectionCapacity _capacity;
    private readonly TimeProvider _time;
    private readonly ILogger<ConnectionWatch> _logger;
    private readonly ConcurrentDictionary<ClientConnection, byte> _open = new();
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Connections that had made room at the last log line. Used by the sweep alone.
    private long _loggedMadeRoom;

    // Services whose connections are to end; null until the host stops.
    private volatile IReadOnlyCollection<string>? _draining;

    /// <summary>Creates a watch without connections.</summary>
    /// <param name="capacity">Limits the number of connections.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Logs opened and closed connections.</param>
    internal ConnectionWatch(ConnectionCapacity capacity, TimeProvider time, ILogger<ConnectionWatch> logger)
    {
        _capacity = capacity;
        _time = time;
        _logger = logger;
        capacity.Clients.EndAnIdleOne = () => EndLongestIdle(isForHost: false);
        capacity.Host.EndAnIdleOne = () => EndLongestIdle(isForHost: true);
    }

    internal ConnectionCapacity Capacity => _capacity;

    /// <summary>The memory for larger request bodies.</summary>
    internal MessageBudget Messages { get; } = new();

    /// <summary>Completes with the first connection.</summary>
    internal Task FirstConnection => _first.Task;

    /// <summary>Number of open connections.</summary>
    public int Count => _open.Count;

    /// <summary>The open connections, in no order.</summary>
    internal IEnumerable<ClientConnection> Open => _open.Keys;

    /// <summary>Number of open connections, by service.</summary>
    public IEnumerable<(string Service, int Count)> CountByService() =>
        _open.Keys.CountBy(connection => connection.Service).Select(pair => (pair.Key, pair.Value));

    /// <summary>Running requests on connections to some services.</summary>
    internal int RunningRequests(IReadOnlyCollection<string> services) =>
        _open.Keys.Count(connection => services.Contains(connection.Service) && connection.IsInRequest);

    /// <summary>
    /// Ends the connections to some services, each after its running answer. Completes when none is left.
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

    /// <summary>Logs the server's own refusal of a request.</summary>
    internal void LogRefused(ClientConnection connection, int status) =>
        Log.Refused(_logger, connection.Id, connection.Service, status);

    /// <summary>Runs a connection, then releases its images.</summary>
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
            // Not awaited, because a hung close(2) must not delay the end of a connection. The tickets own the images
            // and wait.
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

    // Only one without an image. Returns whether there was one.
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
