using System.Diagnostics.CodeAnalysis;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Tickets;
using ImageIO.Http.Hosting;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Web.Endpoints;
using ImageIO.Web.Options;

namespace ImageIO.Web.Hosting;

/// <summary>Composes the daemon from its parts.</summary>
public static class DaemonHost
{
    /// <summary>Builds the daemon; nothing listens before it is started.</summary>
    /// <exception cref="ConfigurationException">The configuration names something that cannot be used.</exception>
    [RequiresUnreferencedCode("Backends are found by scanning assemblies.")]
    public static WebApplication Build(DaemonConfiguration configuration, TimeProvider time)
    {
        IReadOnlyList<ServiceListener> listeners = Services.Listeners(configuration);
        string? localSocket = listeners.FirstOrDefault(listener => listener.Service == Services.Local)?.Socket?.Name;

        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseServiceListeners(listeners);
        builder.Logging.UseLog(configuration.Log);
        builder.Services
            .AddBackends()
            .AddSystemd()
            .AddSingleton(configuration)
            .AddSingleton(time)
            .AddSingleton<BackendRegistry>()
            .AddSingleton(new BufferPool(configuration.BufferCeiling))
            .AddSingleton(services => new ImageOpener(
                services.GetRequiredService<BackendRegistry>(), services.GetRequiredService<BufferPool>(), configuration.RingFor))
            .AddSingleton<TicketStore>()
            .AddSingleton(new ImagesOptionsAnswer(configuration, localSocket))
            .AddSingleton(new Cors(configuration.AllowOrigin))
            .AddSingleton<ImageRequests>()
            .AddSingleton<ExtentsEndpoint>()
            .AddSingleton<ChecksumEndpoint>()
            .AddSingleton<ImagesEndpoint>()
            .AddSingleton<TicketsEndpoint>()
            .Configure<HostOptions>(options => options.ShutdownTimeout = configuration.Daemon.DrainTimeout)
            .Configure<ConsoleLifetimeOptions>(options => options.SuppressStatusMessages = true);

        WebApplication app = builder.Build();
        var router = new ServiceRouter();
        // In the order of the wire contract: the longer path before the one that it begins with.
        app.Services.GetRequiredService<ExtentsEndpoint>().Map(router);
        app.Services.GetRequiredService<ChecksumEndpoint>().Map(router);
        app.Services.GetRequiredService<ImagesEndpoint>().Map(router);
        app.Services.GetRequiredService<TicketsEndpoint>().Map(router);
        router.MapInfo(Services.Remote, app.Services.GetRequiredService<Cors>());
        ILogger<ServiceRouter> logger = app.Services.GetRequiredService<ILogger<ServiceRouter>>();
        app.Run(context => router.DispatchAsync(context, logger));
        return app;
    }
}
