using ImageIO.Http.Hosting;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Proxy.Options;

namespace ImageIO.Proxy.Hosting;

/// <summary>Composes the proxy from its parts.</summary>
public static class ProxyHost
{
    private const string Service = "proxy";

    /// <summary>Builds the proxy; nothing listens before it is started.</summary>
    /// <exception cref="ConfigurationException">The configuration names something that cannot be used.</exception>
    public static WebApplication Build(ProxyConfiguration configuration, TimeProvider time)
    {
        var listeners = BoundListeners.Bind([configuration.Listener(Service)]);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseServiceListeners(listeners);
        builder.Logging.UseLog(configuration.Log);
        builder.Services
            .AddMetricsCollection()
            .AddSingleton<HostMeter>()
            .AddSingleton<ServiceRouter>()
            .AddSingleton(time)
            .AddHostedService(services => new SystemdService(() => Status(services), time))
            .Configure<ConsoleLifetimeOptions>(options => options.SuppressStatusMessages = true);

        WebApplication app = builder.Build();
        ServiceRouter router = app.Services.GetRequiredService<ServiceRouter>();
        router.MapInfo(Service, new Cors("*"));
        ILogger<ServiceRouter> logger = app.Services.GetRequiredService<ILogger<ServiceRouter>>();
        app.Run(context => router.DispatchAsync(context, logger));
        return app;
    }

    private static string Status(IServiceProvider services) =>
        $"{services.GetRequiredService<ConnectionWatch>().Count} connections";
}
