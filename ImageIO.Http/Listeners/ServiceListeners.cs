using System.IO.Pipelines;
using System.Text;
using ImageIO.Http.Hosting;
using ImageIO.Transport.Blocks;
using ImageIO.Transport.Sockets;
using ImageIO.Transport.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners;

/// <summary>Sets the HTTP server up for image data.</summary>
public static partial class ServiceListeners
{
    /// <summary>A request line's limit in bytes; more is 414.</summary>
    internal const int LongestRequestLine = 4096;

    // Longer than any ticket's inactivity_timeout counts. Not Timeout.InfiniteTimeSpan: Kestrel adds that, as the
    // largest number of ticks, to the current time, and the overflow ends every idle connection at the next heartbeat.
    private static readonly TimeSpan NeverByTheServer = TimeSpan.FromDays(20 * 365);

    /// <summary>Adds Kestrel with these listeners; the host disposes them.</summary>
    public static void UseServiceListeners(this IWebHostBuilder host, BoundListeners listeners)
    {
        host.UseKestrelCore();
        host.ConfigureServices(services =>
        {
            services.AddSingleton<IMemoryPoolFactory<byte>, BlockPoolFactory>();
            // By a function: what a container makes, it also disposes.
            services.AddSingleton(_ => listeners);
            services.AddSingleton<ConnectionCapacity>();
            services.AddSingleton(provider => new ConnectionWatch(
                provider.GetRequiredService<ConnectionCapacity>(),
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<ConnectionWatch>>()));
            services.AddHostedService(provider => provider.GetRequiredService<ConnectionWatch>());
            services.AddHostedService<FirstUse>();
            services.AddSingleton<IStartupFilter, AnswerMarks>();
            // Threads for who needs them, and none before.
            services.AddSingleton<EventLoops>();
            services.AddSingleton(provider => new Lazy<EventLoops>(provider.GetRequiredService<EventLoops>));
            // After the server's own transport, so that it is asked first.
            services.AddSingleton<IConnectionListenerFactory>(provider => new LoopListenerFactory(
                listeners, provider.GetRequiredService<IMemoryPoolFactory<byte>>(),
                provider.GetRequiredService<Lazy<EventLoops>>(),
                provider.GetRequiredService<ConnectionCapacity>(),
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<ServerTls>>()));
            services.AddOptions<KestrelServerOptions>().Configure<ConnectionWatch,
                HostMeter, TimeProvider, ILogger<ServerTls>>(
                (options, watch, meter, time, logger) => Configure(options, listeners.All, watch, meter, time, logger));
        });
    }

    private static void Configure(
        KestrelServerOptions options,
        IReadOnlyList<ServiceListener> listeners,
        ConnectionWatch watch,
        HostMeter meter,
        TimeProvider time,
        ILogger tlsLogger)
    {
        options.AddServerHeader = false;
        options.Limits.MaxRequestLineSize = LongestRequestLine;
        // A disk image has any size, and Kestrel's default of 30,000,000 bytes would refuse most.
        options.Limits.MaxRequestBodySize = null;
        // Slow is fine; a client that stops altogether is ConnectionWatch's affair, as is an idle connection.
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.Limits.KeepAliveTimeout = NeverByTheServer;
        // A head that has begun to come is no idling, and ends by 408. As long as idling may last, and not the default
        // of 30 s.
        options.Limits.RequestHeadersTimeout = ConnectionWatch.DefaultPatience;
        // A proxy's form of the target counts, whatever its Host header says (RFC 9112 section 3.2.2).
        options.AllowHostHeaderOverride = true;
        // Headers that we do not read may hold anything; with the default of UTF-8 the server refuses other bytes.
        options.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
        // Clients expect file names in Content-Disposition as raw UTF-8.
        options.ResponseHeaderEncodingSelector = _ => Encoding.UTF8;
        foreach (ServiceListener listener in listeners)
        {
            options.Listen(listener.EndPoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(next => context => watch.RunAsync(context, listener, next));
                listen.Use(next => context => LingeringClose.RunAsync(context, next));
                listen.Use(next => context =>
                {
                    context.Features.Get<ClientConnection>()?.IntroductionStarts();
                    return next(context);
                });
                UseTransport(listen, listener, time, tlsLogger);
                listen.Use(next => context =>
                {
                    context.Features.Get<ClientConnection>()?.IntroductionEnded(isHandshake: listener.Tls is not null);
                    return next(context);
                });
                listen.Use(next => context => ServeAsync(context, next, watch, meter));
            });
        }
    }

    // What stands between the connection and the server.
    private static async Task ServeAsync(
        ConnectionContext context, ConnectionDelegate next, ConnectionWatch watch, HostMeter meter)
    {
        IDuplexPipe transport = context.Transport;
        ClientConnection connection = context.Features.GetRequiredFeature<ClientConnection>();
        context.Transport = new DuplexPipe(
            new AnyHostReader(transport.Input),
            new RefusalWriter(transport.Output, connection, status => Refused(watch, meter, connection, status)));
        try
        {
            await next(context);
        }
        finally
        {
            context.Transport = transport;
        }
    }

    private static void Refused(ConnectionWatch watch, HostMeter meter, ClientConnection connection, int status)
    {
        meter.RequestFailed("MalformedRequest");
        watch.LogRefused(connection, status);
    }

    private static void UseTransport(ListenOptions listen, ServiceListener listener, TimeProvider time, ILogger logger)
    {
        if (listener.Tls is not { } tls)
        {
            listen.Use(next => context => Introduction.RunAsync(context, next));
            return;
        }

        Log.TlsTransport(logger, listener.Service, ServerTls.Library);
        (tls.Logger, tls.Time) = (logger, time);
        // Close_notify may wait for a client as long as anything else.
        var handshake = new OpenSslHandshake(tls, ConnectionWatch.DefaultPatience, time, logger);
        listen.Use(next => context => handshake.RunAsync(
            context,
            secured =>
            {
                secured.Features.Set<ITlsConnectionFeature>(new HttpsScheme());
                return next(secured);
            },
            plain => PlainHttp.AnswerAsync(plain, logger)));
    }

    private static partial class Log
    {
        [LoggerMessage(22, LogLevel.Information, "TLS of the {Service} service by {Library}")]
        public static partial void TlsTransport(ILogger logger, string service, string library);
    }
}
