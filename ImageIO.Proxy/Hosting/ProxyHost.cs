using ImageIO.Http.Forwarding;
using ImageIO.Http.Hosting;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Proxy.Endpoints;
using ImageIO.Proxy.Options;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Hosting;

/// <summary>Composes the proxy from its parts.</summary>
public static partial class ProxyHost
{
    private const string Service = "proxy";

    /// <summary>Builds the proxy; nothing listens before it is started.</summary>
    /// <exception cref="ConfigurationException">The configuration names something that cannot be used.</exception>
    public static WebApplication Build(ProxyConfiguration configuration, TimeProvider time)
    {
        TicketVerifier verifier = configuration.Verifier(time);
        var listeners = BoundListeners.Bind([configuration.Listener(Service)]);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseServiceListeners(listeners);
        builder.Logging.UseLog(configuration.Log);
        builder.Services
            .AddMetricsCollection()
            .AddSingleton<HostMeter>()
            .AddSingleton<ServiceRouter>()
            .AddSingleton(time)
            .AddSingleton(verifier)
            .AddSingleton<ProxyTicketStore>()
            .AddSingleton(new ProxyCors(configuration.AllowOrigin))
            .AddSingleton<TicketsEndpoint>()
            .AddSingleton<RequestCredential>()
            .AddSingleton<ImagesEndpoint>()
            .AddForwarding(configuration.Upstream())
            .AddHostedService(services => new SystemdService(() => Status(services), time))
            .Configure<ConsoleLifetimeOptions>(options => options.SuppressStatusMessages = true);

        WebApplication app = builder.Build();
        ServiceRouter router = app.Services.GetRequiredService<ServiceRouter>();
        router.MapInfo(Service);
        app.Services.GetRequiredService<TicketsEndpoint>().Map(router, Service);
        app.Services.GetRequiredService<ImagesEndpoint>().Map(router, Service);
        ILogger<ServiceRouter> logger = app.Services.GetRequiredService<ILogger<ServiceRouter>>();
        if (!configuration.SignedTickets)
        {
            Log.TicketsAreNotSigned(logger);
        }

        ProxyCors cors = app.Services.GetRequiredService<ProxyCors>();
        app.Run(context =>
        {
            cors.Watch(context);
            return router.DispatchAsync(context, logger);
        });
        return app;
    }

    private static string Status(IServiceProvider services) =>
        $"{services.GetRequiredService<ProxyTicketStore>().Count} tickets, "
        + $"{services.GetRequiredService<ConnectionWatch>().Count} connections";

    private static partial class Log
    {
        [LoggerMessage(41, LogLevel.Warning, "signed_proxy_ticket is false: whoever reaches the proxy can use any daemon that trusts it. For development only")]
        public static partial void TicketsAreNotSigned(ILogger logger);
    }
}
