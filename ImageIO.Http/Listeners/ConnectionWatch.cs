using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners;

/// <summary>Follows every client connection from accept to close, and ends those that idle or stall for too long.</summary>
public sealed partial class ConnectionWatch(TimeProvider time, ILogger<ConnectionWatch> logger) : BackgroundService
{
    /// <summary>How long a connection that has not opened an image may idle: 60 s, as clients of the reference expect.</summary>
    public static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<ClientConnection, byte> _open = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Services whose connections are to end; null before the host stops.
    private volatile IReadOnlyCollection<string>? _draining;

    /// <summary>Connections open now.</summary>
    public int Count => _open.Count;

    /// <summary>The connections open now, in no order.</summary>
    internal IEnumerable<ClientConnection> Open => _open.Keys;

    /// <summary>Connections open now, by service.</summary>
    public IEnumerable<(string Service, int Count)> CountByService() =>
        _open.Keys.CountBy(connection => connection.Service).Select(pair => (pair.Key, pair.Value));

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
        Log.Refused(logger, connection.Id, connection.Service, status);

    /// <summary>The connection's life: runs the server's part of it, then gives back the images it held.</summary>
    internal async Task RunAsync(ConnectionContext context, string service, ConnectionDelegate next)
    {
        var connection = new ClientConnection(context, service, DefaultPatience, time);
        context.Features.Set(connection);
        _open[connection] = 0;
        Log.Opened(logger, service, connection.Id, context.RemoteEndPoint);
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
            // Not awaited: a storage that hangs in close(2) must not hold up the end of a connection. The tickets own the
            // images and wait for them.
            _ = connection.Images.DisposeAsync().AsTask();
            foreach ((string transferId, TransferTotals totals) in connection.Tally.Totals)
            {
                Log.Summary(
                    logger,
                    transferId,
                    connection.Id,
                    totals.Operations,
                    totals.Bytes,
                    totals.Duration.TotalSeconds,
                    connection.ClientWait.TotalSeconds,
                    totals.StorageWait.TotalSeconds,
                    connection.HandshakeTime.TotalSeconds);
            }

            Log.Closed(logger, service, connection.Id);
            CheckDrained();
        }
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // One sweep a second over all connections: cheaper than a timer each, and late by a second at most.
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                foreach (ClientConnection connection in _open.Keys)
                {
                    if (connection.EndIfOverdue())
                    {
                        Log.Overdue(logger, connection.Service, connection.Id);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
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
        public static partial void Opened(ILogger logger, string service, string connection, System.Net.EndPoint? client);

        [LoggerMessage(2, LogLevel.Debug, "Connection {Connection} to the {Service} service closed")]
        public static partial void Closed(ILogger logger, string service, string connection);

        [LoggerMessage(6, LogLevel.Information, "Transfer {TransferId}: connection {Connection} closed after {Operations} operations, {Bytes} bytes in {Duration:F3} s; waited {ClientWait:F3} s for the client, {StorageWait:F3} s for the storage, {Handshake:F3} s for the TLS handshake")]
        public static partial void Summary(
            ILogger logger,
            string transferId,
            string connection,
            long operations,
            long bytes,
            double duration,
            double clientWait,
            double storageWait,
            double handshake);

        [LoggerMessage(3, LogLevel.Information, "Connection {Connection} to the {Service} service ended: idle or stalled for too long")]
        public static partial void Overdue(ILogger logger, string service, string connection);

        [LoggerMessage(7, LogLevel.Information, "Connection {Connection} to the {Service} service: what came is no request, answered {Status}")]
        public static partial void Refused(ILogger logger, string connection, string service, int status);
    }
}
