using ImageIO.Core.Diagnostics;
using ImageIO.Http.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace ImageIO.Http.Hosting;

/// <summary><c>/metrics</c>: everything measured, in Prometheus' text format.</summary>
public static class MetricsEndpoint
{
    /// <summary>Begins to collect; what is measured before is not counted.</summary>
    public static MeterProvider Collect() => Sdk.CreateMeterProviderBuilder()
        .AddMeter(TransferMeter.Name)
        // The runtime's own: memory, collections, thread pool.
        .AddMeter("System.Runtime")
        .AddPrometheusExporter()
        .Build();

    /// <summary>Serves them on one service.</summary>
    /// <param name="app">The host.</param>
    /// <param name="metrics">What was collected.</param>
    /// <param name="service">Name of the service.</param>
    public static void UseMetrics(this IApplicationBuilder app, MeterProvider metrics, string service) =>
        app.UseOpenTelemetryPrometheusScrapingEndpoint(
            metrics,
            context => context.Request.Path == "/metrics"
                && HttpMethods.IsGet(context.Request.Method)
                && ClientConnection.Of(context).Service == service,
            path: null,
            configureBranchedPipeline: null,
            optionsName: null);
}
