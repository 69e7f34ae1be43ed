using ImageIO.Http.Listeners;
using OpenTelemetry.Metrics;

namespace ImageIO.Http.Hosting;

/// <summary>
/// What a host cannot be without and takes long to get: its listeners, with certificates read and addresses taken, and
/// the collection of metrics. Both are got beside the composition of the host: a start is mostly loading and compiling
/// code, and each of the three takes about as long as the others.
/// </summary>
public sealed class HostPreparation
{
    private HostPreparation(Task<BoundListeners> listeners, Task<MeterProvider> metrics)
    {
        Listeners = listeners;
        Metrics = metrics;
    }

    /// <summary>The listeners, bound. Fails with <see cref="ConfigurationException"/> when one cannot be had.</summary>
    public Task<BoundListeners> Listeners { get; }

    /// <summary>The collection; from its completion on everything measured counts.</summary>
    public Task<MeterProvider> Metrics { get; }

    /// <summary>Begins with both. What was got belongs to who awaits it, or else to <see cref="DiscardAsync"/>.</summary>
    /// <param name="listeners">Tells what to listen on; called on another thread.</param>
    public static HostPreparation Start(Func<IReadOnlyList<ServiceListener>> listeners) =>
        new(Task.Run(() => BoundListeners.Bind(listeners())), Task.Run(MetricsEndpoint.Collect));

    /// <summary>Gives both back, for a start that fails.</summary>
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
