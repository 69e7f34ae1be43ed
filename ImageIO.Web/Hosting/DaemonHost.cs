using System.Diagnostics.CodeAnalysis;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Tickets;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Hosting;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Http.Transfers;
using ImageIO.Page;
using ImageIO.Transport.Sockets;
using ImageIO.Web.Endpoints;
using ImageIO.Web.Options;
using OpenTelemetry.Metrics;
using Serilog.Core;

namespace ImageIO.Web.Hosting;

/// <summary>Composes the daemon from its parts.</summary>
public static class DaemonHost
{
    /// <summary>Builds the daemon and binds its addresses. It serves no client before it is started.</summary>
    /// <param name="configuration">Its configuration.</param>
    /// <param name="time">The clock.</param>
    /// <param name="user">
    /// The user that it will become; the caller then opens the <see cref="LogOutput"/>. Null: its user does not change.
    /// </param>
    /// <exception cref="ConfigurationException">A value in the configuration cannot be used.</exception>
    [RequiresUnreferencedCode("Backends are found by scanning assemblies.")]
    public static async Task<WebApplication> BuildAsync(
        DaemonConfiguration configuration, TimeProvider time, ServiceUser? user = null)
    {
        user?.OwnDirectory(configuration.Daemon.RunDirectory);
        var preparation = HostPreparation.Start(() => Services.Listeners(configuration, user));
        try
        {
            return await BuildAsync(configuration, preparation, time, user);
        }
        catch
        {
            await preparation.DiscardAsync();
            throw;
        }
    }

    [RequiresUnreferencedCode("Backends are found by scanning assemblies.")]
    private static async Task<WebApplication> BuildAsync(
        DaemonConfiguration configuration, HostPreparation preparation, TimeProvider time, ServiceUser? user)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        LogOutput log = builder.Logging.UseLog(configuration.Log);
        if (user is null)
        {
            log.Open();
        }

        AddImages(builder.Services, configuration, time);
        BoundListeners listeners = await preparation.Listeners;
        builder.WebHost.UseServiceListeners(listeners);
        AddEndpoints(builder.Services, configuration, listeners);
        AddProcess(builder.Services, configuration, listeners, time);
        MeterProvider metrics = await preparation.Metrics;
        // By a factory, because a container disposes what it creates.
        builder.Services.AddSingleton(_ => metrics);

        WebApplication app = builder.Build();
        ServiceRouter router = Route(app);
        ILogger<ServiceRouter> logger = app.Services.GetRequiredService<ILogger<ServiceRouter>>();
        app.Run(context => router.DispatchAsync(context, logger));
        return app;
    }

    private static void AddImages(IServiceCollection services, DaemonConfiguration configuration, TimeProvider time) =>
        services
        .AddBackends(configuration.Daemon.PluginDirectory, configuration.Reader)
        .AddSingleton(configuration)
        .AddSingleton(time)
        .AddSingleton<TransferMeter>()
        .AddSingleton(provider => new BackendRegistry(provider.GetServices<IBackendFactory>(), ForwardedUrl.Schemes))
        .AddSingleton(new BufferPool(configuration.BufferCeiling))
        .AddSingleton<Func<string, RingSettings>>(configuration.RingFor)
        .AddSingleton<IStorageThreads, StorageThreads>()
        .AddSingleton<ImageOpener>()
        .AddSingleton<TicketStore>();

    private static void AddEndpoints(
        IServiceCollection services, DaemonConfiguration configuration, BoundListeners listeners)
    {
        UnixSocket? local = listeners.All.FirstOrDefault(listener => listener.Service == Services.Local)?.Socket;
        // Absolute, because clients do not know this process' working directory.
        string? localSocket = local is { IsAbstract: false } ? Path.GetFullPath(local.Name) : local?.Name;
        services
            .AddSingleton(new ImagesOptionsAnswer(configuration, localSocket))
            .AddSingleton(new Cors(configuration.AllowOrigin))
            .AddSingleton<ImageRequests>()
            .AddForwarding(configuration.Upstream())
            .AddSingleton<OperationRunner>()
            .AddSingleton<ExtentsEndpoint>()
            .AddSingleton<ChecksumEndpoint>()
            .AddSingleton<ImagesEndpoint>()
            .AddSingleton<TicketsEndpoint>();
    }

    private static void AddProcess(
        IServiceCollection services,
        DaemonConfiguration configuration,
        BoundListeners listeners,
        TimeProvider time)
    {
        services
            // Before the systemd service, because services stop in the opposite order.
            .AddHostedService(provider => new Drain(
                listeners,
                provider.GetRequiredService<ConnectionWatch>(),
                Services.ForClients,
                configuration.Daemon.DrainTimeout,
                provider.GetRequiredService<ILogger<Drain>>()))
            .AddMetrics()
            .AddSingleton<HostMeter>()
            .AddSingleton<DaemonMeter>()
            .AddSingleton<ServiceRouter>()
            .Configure<HostOptions>(options => options.ShutdownTimeout = configuration.Daemon.DrainTimeout)
            .Configure<ConsoleLifetimeOptions>(options => options.SuppressStatusMessages = true);
        if (configuration.Daemon.NotifySystemd)
        {
            services.AddHostedService(provider => new SystemdService(() => Status(provider), time));
        }

        if (configuration.Directory is { } directory)
        {
            services.AddHostedService(provider => new ReloadSignal(
                () => DaemonConfiguration.Load(directory).Log,
                listeners.RefreshCertificates,
                provider.GetRequiredService<LoggingLevelSwitch>(),
                provider.GetRequiredService<ILogger<ReloadSignal>>()));
        }
    }

    // In the order of the wire contract: a longer path before its prefix.
    private static ServiceRouter Route(WebApplication app)
    {
        IServiceProvider services = app.Services;
        _ = services.GetRequiredService<DaemonMeter>();
        ServiceRouter router = services.GetRequiredService<ServiceRouter>();
        services.GetRequiredService<ExtentsEndpoint>().Map(router);
        services.GetRequiredService<ChecksumEndpoint>().Map(router);
        services.GetRequiredService<ImagesEndpoint>().Map(router);
        services.GetRequiredService<TicketsEndpoint>().Map(router);
        router.MapInfo(Services.Remote, services.GetRequiredService<Cors>());
        if (services.GetRequiredService<DaemonConfiguration>().HasPage)
        {
            router.MapPage(Services.Remote);
        }

        router.MapHealth(Services.Control, app.Lifetime);
        router.MapMetrics(Services.Control, app);
        router.MapHealth(Services.Monitor, app.Lifetime);
        router.MapMetrics(Services.Monitor, app);
        return router;
    }

    private static string Status(IServiceProvider services)
    {
        Ticket[] tickets = [.. services.GetRequiredService<TicketStore>().All];
        return $"{tickets.Length} tickets, {tickets.Count(ticket => ticket.IsActive)} active, "
            + $"{services.GetRequiredService<ConnectionWatch>().Count} connections";
    }
}
