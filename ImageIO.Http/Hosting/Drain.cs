using ImageIO.Http.Listeners;
using Microsoft.Extensions.Hosting;

namespace ImageIO.Http.Hosting;

/// <summary>
/// The first part of a stop: clients are not accepted any more, and their running requests go on to their end. Meanwhile
/// the other services answer as before, so that a manager sees the transfers end, and a load balancer that this host is
/// not ready. The host's <see cref="HostOptions.ShutdownTimeout"/> limits it; what runs then is cut by the server.
/// </summary>
/// <param name="listeners">All listeners.</param>
/// <param name="connections">All connections.</param>
/// <param name="services">The services that clients connect to.</param>
public sealed class Drain(BoundListeners listeners, ConnectionWatch connections, IReadOnlyCollection<string> services)
    : IHostedLifecycleService
{
    /// <inheritdoc />
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        listeners.StopAccepting(services);
        try
        {
            await connections.DrainAsync(services).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The time is over.
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

    /// <inheritdoc />
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
