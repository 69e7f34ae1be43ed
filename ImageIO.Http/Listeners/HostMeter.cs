using System.Diagnostics.Metrics;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;
using ImageIO.Transport.Tls;

namespace ImageIO.Http.Listeners;

/// <summary>Metrics of connections, failures and certificates in both hosts.</summary>
public sealed class HostMeter
{
    private readonly Counter<long> _errors;

    /// <summary>Creates the instruments.</summary>
    public HostMeter(IMeterFactory meters, ConnectionWatch connections, BoundListeners listeners)
    {
        ArgumentNullException.ThrowIfNull(meters);
        Meter meter = meters.Create(TransferMeter.Name);
        _errors = meter.CreateCounter<long>(
            "imageio.errors", "{error}", "Requests that failed, by reason.");
        meter.CreateObservableGauge(
            "imageio.connections",
            () => connections.CountByService().Select(
                pair => new Measurement<int>(pair.Count, new KeyValuePair<string, object?>("service", pair.Service))),
            "{connection}",
            "Connections that clients have open, by service.");

        meter.CreateObservableGauge(
            "imageio.connections.limit",
            () => (Measurement<int>[])
            [
                new(connections.Capacity.Limits.Clients, new KeyValuePair<string, object?>("of", "clients")),
                new(connections.Capacity.Limits.Host, new KeyValuePair<string, object?>("of", "host")),
            ],
            "{connection}",
            "Most connections that may be open at once, of clients and of this host's own services.");
        meter.CreateObservableCounter(
            "imageio.connections.ended",
            () => connections.Capacity.MadeRoom,
            "{connection}",
            "Connections that had sent nothing, or idled without an image, and were closed to make room for others.");

        ServerTls[] certificates = [.. listeners.All.Select(listener => listener.Tls).OfType<ServerTls>()];
        meter.CreateObservableGauge(
            "imageio.tls.certificate.expiry",
            () => certificates.Select(tls => new Measurement<long>(tls.Expires.ToUnixTimeSeconds())),
            "s",
            "When the TLS certificate in use expires, in seconds since 1970.");
        meter.CreateObservableGauge(
            "imageio.tls.reload.failing",
            () => certificates.Select(tls => new Measurement<int>(tls.IsReloadFailing ? 1 : 0)),
            description: "1 while the TLS files on disk cannot be used and an older certificate is served.");
    }

    /// <summary>Counts a failed request.</summary>
    public void RequestFailed(Exception failure) =>
        RequestFailed(ReasonOf(failure));

    /// <summary>The name of a failure, in metrics and traces.</summary>
    internal static string ReasonOf(Exception failure) =>
        failure is TransferException e ? e.Error.ToString() : failure.GetType().Name;

    internal void RequestFailed(string reason) => _errors.Add(1, new KeyValuePair<string, object?>("reason", reason));
}
