using ImageIO.Core.Diagnostics;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Hosting;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Http.Transfers;
using ImageIO.Page;
using ImageIO.Proxy.Endpoints;
using ImageIO.Proxy.Options;
using ImageIO.Proxy.Sessions;
using ImageIO.Proxy.SignedTickets;
using Microsoft.AspNetCore.DataProtection;
using OpenTelemetry.Metrics;
using Serilog.Core;

namespace ImageIO.Proxy.Hosting;

/// <summary>Composes the proxy from its parts.</summary>
public static partial class ProxyHost
{
    private const string Service = "proxy";
    private const string Monitor = "monitor";

    /// <summary>Builds the proxy and binds its addresses. It serves no client before it is started.</summary>
    /// <exception cref="ConfigurationException">A value in the configuration cannot be used.</exception>
    public static async Task<WebApplication> BuildAsync(ProxyConfiguration configuration, TimeProvider time)
    {
        TicketVerifier verifier = configuration.Verifier(time);
        IDataProtectionProvider keys = configuration.SessionKeyDirectory is { Length: > 0 } directory
            ? SessionKeys.In(directory)
            : SessionKeys.Ephemeral();
        var preparation = HostPreparation.Start(() => configuration.Listeners(Service, Monitor));
        try
        {
            return await BuildAsync(configuration, preparation, verifier, keys, time);
        }
        catch
        {
            await preparation.DiscardAsync();
            throw;
        }
    }

    private static async Task<WebApplication> BuildAsync(
        ProxyConfiguration configuration,
        HostPreparation preparation,
        TicketVerifier verifier,
        IDataProtectionProvider keys,
        TimeProvider time)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.UseLog(configuration.Log).Open();
        BoundListeners listeners = await preparation.Listeners;
        builder.WebHost.UseServiceListeners(listeners);
        builder.Services
            .AddSingleton(time)
            .AddSingleton(verifier)
            .AddSingleton<ProxyTicketStore>()
            .AddSingleton(keys)
            .AddSingleton<SessionSealer>()
            .AddSingleton<DeletedSessions>()
            .AddSingleton(new ProxyCors(configuration.AllowOrigin))
            .AddSingleton<TicketsEndpoint>()
            .AddSingleton<SessionsEndpoint>()
            .AddSingleton<RequestCredential>()
            .AddSingleton<TransferMeter>()
            .AddSingleton<OperationRunner>()
            .AddSingleton<ImagesEndpoint>()
            .AddForwarding(configuration.Upstream());
        AddProcess(builder.Services, configuration, listeners, time);
        MeterProvider metrics = await preparation.Metrics;
        // By a factory, because a container disposes what it creates.
        builder.Services.AddSingleton(_ => metrics);

        WebApplication app = builder.Build();
        ILogger<ServiceRouter> logger = app.Services.GetRequiredService<ILogger<ServiceRouter>>();
        WriteStart(logger, configuration);
        ServiceRouter router = Route(app, configuration);
        ProxyCors cors = app.Services.GetRequiredService<ProxyCors>();
        app.Run(context =>
        {
            cors.Watch(context);
            return router.DispatchAsync(context, logger);
        });
        return app;
    }

    private static void AddProcess(
        IServiceCollection services, ProxyConfiguration configuration, BoundListeners listeners, TimeProvider time)
    {
        services
            .AddMetrics()
            .AddSingleton<HostMeter>()
            .AddSingleton<ProxyMeter>()
            .AddSingleton<ServiceRouter>()
            // Before the systemd service, because services stop in the opposite order.
            .AddHostedService(provider => new Drain(
                listeners,
                provider.GetRequiredService<ConnectionWatch>(),
                [Service],
                configuration.DrainTimeout,
                provider.GetRequiredService<ILogger<Drain>>()))
            .AddHostedService(provider => new SystemdService(() => Status(provider), time))
            .Configure<HostOptions>(options => options.ShutdownTimeout = configuration.DrainTimeout)
            .Configure<ConsoleLifetimeOptions>(options => options.SuppressStatusMessages = true);
        if (configuration.File is { } file)
        {
            services.AddHostedService(provider => new ReloadSignal(
                () => ProxyConfiguration.Load(file).Log,
                listeners.RefreshCertificates,
                provider.GetRequiredService<LoggingLevelSwitch>(),
                provider.GetRequiredService<ILogger<ReloadSignal>>()));
        }
    }

    private static ServiceRouter Route(WebApplication app, ProxyConfiguration configuration)
    {
        IServiceProvider services = app.Services;
        _ = services.GetRequiredService<ProxyMeter>();
        ServiceRouter router = services.GetRequiredService<ServiceRouter>();
        router.MapInfo(Service);
        services.GetRequiredService<TicketsEndpoint>().Map(router, Service);
        services.GetRequiredService<SessionsEndpoint>().Map(router, Service);
        services.GetRequiredService<ImagesEndpoint>().Map(router, Service);
        if (configuration.HasPage)
        {
            router.MapPage(Service);
        }

        router.MapHealth(Monitor, app.Lifetime);
        router.MapMetrics(Monitor, app);
        return router;
    }

    private static void WriteStart(ILogger logger, ProxyConfiguration configuration)
    {
        if (!configuration.SignedTickets)
        {
            Log.TicketsAreNotSigned(logger);
        }

        if (configuration.SessionKeyDirectory.Length == 0)
        {
            Log.KeysAreInMemory(logger);
        }
    }

    private static string Status(IServiceProvider services) =>
        $"{services.GetRequiredService<ProxyTicketStore>().Count} tickets, "
        + $"{services.GetRequiredService<ConnectionWatch>().Count} connections";

    private static partial class Log
    {
        [LoggerMessage(41, LogLevel.Warning, "signed_proxy_ticket is false: whoever reaches the proxy can use any "
            + "daemon that trusts it. For development only")]
        public static partial void TicketsAreNotSigned(ILogger logger);

        [LoggerMessage(42, LogLevel.Information, "session_key_dir is not set: sessions end with this process, and no "
            + "other proxy knows them")]
        public static partial void KeysAreInMemory(ILogger logger);
    }
}
