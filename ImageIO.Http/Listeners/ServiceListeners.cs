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

/// <summary>Configures the HTTP server for image data.</summary>
public static partial class ServiceListeners
{
    /// <summary>Longest request line in bytes. A longer one is answered with 414.</summary>
    internal const int LongestRequestLine = 4096;

    // Longer than any inactivity_timeout. Not Timeout.InfiniteTimeSpan, because Kestrel adds it to the current time as
    // the largest number of ticks, and the overflow ends every idle connection.
    private static readonly TimeSpan NeverByTheServer = TimeSpan.FromDays(20 * 365);

    /// <summary>Adds Kestrel with these listeners; the host disposes them.</summary>
    public static void UseServiceListeners(this IWebHostBuilder host, BoundListeners listeners)
    {
        host.UseKestrelCore();
        host.ConfigureServices(services =>
        {
            services.AddSingleton<IMemoryPoolFactory<byte>, BlockPoolFactory>();
            // By a function, because a container disposes the objects that it creates.
            services.AddSingleton(_ => listeners);
            services.AddSingleton<ConnectionCapacity>();
            services.AddSingleton(provider => new ConnectionWatch(
                provider.GetRequiredService<ConnectionCapacity>(),
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<ConnectionWatch>>()));
            services.AddHostedService(provider => provider.GetRequiredService<ConnectionWatch>());
            services.AddHostedService<FirstUse>();
            services.AddSingleton<IStartupFilter, AnswerMarks>();
            // Created on demand.
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
        // A disk image has any size; Kestrel's default is 30,000,000 bytes.
        options.Limits.MaxRequestBodySize = null;
        // A slow client is allowed. ConnectionWatch ends idle and stalled ones.
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.Limits.KeepAliveTimeout = NeverByTheServer;
        // A head that is coming does not idle, and ends with 408. It may take as long as idling, instead of the default
        // of 30 s.
        options.Limits.RequestHeadersTimeout = ConnectionWatch.DefaultPatience;
        // A target in a proxy's form takes precedence over the Host header (RFC 9112 section 3.2.2).
        options.AllowHostHeaderOverride = true;
        // Headers that we do not read may hold any bytes. With the default of UTF-8 the server refuses some.
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

    // The steps between the connection and the server.
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
