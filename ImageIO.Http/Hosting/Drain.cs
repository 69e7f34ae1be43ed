using ImageIO.Http.Listeners;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Hosting;

/// <summary>
/// The first part of a stop: no clients are accepted, and running requests continue to their end. The other services
/// still answer, so that a manager can follow the transfers, and a load balancer sees that this host is not ready.
/// <see cref="HostOptions.ShutdownTimeout"/> limits it; after that the server aborts what still runs.
/// </summary>
/// <param name="listeners">All listeners.</param>
/// <param name="connections">All connections.</param>
/// <param name="services">The services that clients connect to.</param>
/// <param name="timeout">How long running requests may continue.</param>
/// <param name="logger">Receives the steps of the stop.</param>
public sealed partial class Drain(
    BoundListeners listeners,
    ConnectionWatch connections,
    IReadOnlyCollection<string> services,
    TimeSpan timeout,
    ILogger<Drain> logger) : IHostedLifecycleService
{
    /// <inheritdoc />
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        Log.Stopping(logger, string.Join(", ", services));
        listeners.StopAccepting(services);
        Task drained = connections.DrainAsync(services);
        if (!drained.IsCompleted)
        {
            Log.Draining(logger, connections.RunningRequests(services), timeout.TotalSeconds);
        }

        try
        {
            await drained.WaitAsync(cancellationToken);
            Log.Drained(logger);
        }
        catch (OperationCanceledException)
        {
            Log.TimeIsOver(logger, timeout.TotalSeconds, connections.RunningRequests(services));
        }
    }

    /// <inheritdoc />
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Logs that the server has ended, the last step of a stop.</summary>
    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        Log.Stopped(logger);
        return Task.CompletedTask;
    }

    private static partial class Log
    {
        [LoggerMessage(55, LogLevel.Information, "Stopping: no new connections to {Services}")]
        public static partial void Stopping(ILogger logger, string services);

        [LoggerMessage(56, LogLevel.Information, "Draining: {Running} running requests may go on for {Timeout} s")]
        public static partial void Draining(ILogger logger, int running, double timeout);

        [LoggerMessage(57, LogLevel.Information, "Drained: no request of a client runs any more")]
        public static partial void Drained(ILogger logger);

        [LoggerMessage(58, LogLevel.Warning, "Draining ended after {Timeout} s: {Running} running requests are cut")]
        public static partial void TimeIsOver(ILogger logger, double timeout, int running);

        [LoggerMessage(59, LogLevel.Information, "Stopped")]
        public static partial void Stopped(ILogger logger);
    }
}
