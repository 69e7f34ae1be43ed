using ImageIO.Core.Diagnostics;
using ImageIO.Http.Messages;
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
