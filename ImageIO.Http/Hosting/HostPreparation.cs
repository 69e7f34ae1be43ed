using ImageIO.Http.Listeners;
using OpenTelemetry.Metrics;

namespace ImageIO.Http.Hosting;

/// <summary>
/// Prepares the slow parts of a start: listeners, with certificates read and addresses bound, and the collection of
/// metrics.
/// Both run in parallel with the composition of the host, because each is mostly loading and compiling code.
/// </summary>
public sealed class HostPreparation
{
    private HostPreparation(Task<BoundListeners> listeners, Task<MeterProvider> metrics)
    {
        Listeners = listeners;
        Metrics = metrics;
    }

    /// <summary>The bound listeners. Fails with <see cref="ConfigurationException"/> if one cannot be bound.</summary>
    public Task<BoundListeners> Listeners { get; }

    /// <summary>The collection of metrics. Measurements before its completion do not count.</summary>
    public Task<MeterProvider> Metrics { get; }

    /// <summary>Starts both. The caller owns their results once awaited; <see cref="DiscardAsync"/> disposes them
    /// otherwise.</summary>
    /// <param name="listeners">Returns the services to listen on; called on another thread.</param>
    public static HostPreparation Start(Func<IReadOnlyList<ServiceListener>> listeners) =>
        new(Task.Run(() => BoundListeners.Bind(listeners())), Task.Run(MetricsEndpoint.Collect));

    /// <summary>Disposes both after a failed start.</summary>
    public async Task DiscardAsync()
    {
        await Task.WhenAll(Listeners, Metrics).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Listeners.IsCompletedSuccessfully)
        {
            (await Listeners).Dispose();
        }

        if (Metrics.IsCompletedSuccessfully)
        {
            (await Metrics).Dispose();
        }
    }
}
