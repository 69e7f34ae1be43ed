using ImageIO.Core.Diagnostics;
using ImageIO.Http.Messages;
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

    /// <summary>Adds them to a service.</summary>
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
                // Off the thread that serves sockets: 100,000 tickets are counted by state for this.
                await Task.Yield();
                context.Response.Body = Answer.ToClient(context);
                await write(context);
            },
        });
    }
}
