using ImageIO.Core.Diagnostics;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace ImageIO.Http.Hosting;

/// <summary><c>/metrics</c>: all metrics, in Prometheus' text format.</summary>
public static class MetricsEndpoint
{
    /// <summary>Starts to collect. Earlier measurements do not count.</summary>
    public static MeterProvider Collect() => Sdk.CreateMeterProviderBuilder()
        .AddMeter(TransferMeter.Name)
        // The runtime's metrics: memory, garbage collections, thread pool.
        .AddMeter("System.Runtime")
        .AddPrometheusExporter()
        .Build();

    /// <summary>Adds <c>/metrics</c> to a service.</summary>
    public static void MapMetrics(this ServiceRouter router, string service, IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(router);
        ArgumentNullException.ThrowIfNull(app);
        IApplicationBuilder scrape = app.New();
        scrape.UseOpenTelemetryPrometheusScrapingEndpoint(_ => true);
        RequestDelegate write = scrape.Build();
        router.Map(service, "/metrics", "", new Dictionary<string, ResourceHandler>
        {
            ["GET"] = async (context, _) =>
            {
                // Leave the socket's thread: this counts up to 100,000 tickets by state.
                await Task.Yield();
                context.Response.Body = Answer.ToClient(context);
                await write(context);
            },
        });
    }
}
