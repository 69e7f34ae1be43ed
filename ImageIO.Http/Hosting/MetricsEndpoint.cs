using ImageIO.Core.Diagnostics;
using ImageIO.Http.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;

namespace ImageIO.Http.Hosting;

/// <summary><c>/metrics</c>: everything measured, in Prometheus' text format.</summary>
public static class MetricsEndpoint
{
    /// <summary>Adds the collection of metrics.</summary>
    public static IServiceCollection AddMetricsCollection(this IServiceCollection services)
    {
        services.AddMetrics();
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(TransferMeter.Name)
            // The runtime's own: memory, collections, thread pool.
            .AddMeter("System.Runtime")
            .AddPrometheusExporter());
        return services;
    }

    /// <summary>Serves them on one service.</summary>
    public static void UseMetrics(this IApplicationBuilder app, string service) =>
        app.UseOpenTelemetryPrometheusScrapingEndpoint(context =>
            context.Request.Path == "/metrics"
            && HttpMethods.IsGet(context.Request.Method)
            && ClientConnection.Of(context).Service == service);
}
