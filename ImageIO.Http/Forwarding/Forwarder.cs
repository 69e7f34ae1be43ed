using System.Net;
using System.Runtime.ExceptionServices;
using ImageIO.Core.Errors;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// Forwards a client's request to a daemon, and the daemon's answer back, both as streams: nothing is held but a small
/// window, and who stands still stops the other side.
/// </summary>
public sealed class Forwarder : IDisposable
{
    // The clocks are ours: YARP's cannot tell a daemon that does not read from one whose storage takes its time.
    private static readonly ForwarderRequestConfig Config = new()
    {
        Version = HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        ActivityTimeout = Timeout.InfiniteTimeSpan,
    };

    private readonly IHttpForwarder _yarp;
    private readonly UpstreamPool _pool;
    private readonly HttpMessageInvoker _client = new(new UpstreamHandler(), disposeHandler: true);

    /// <summary>Creates a forwarder.</summary>
    /// <param name="yarp">Moves the bytes.</param>
    /// <param name="pool">The connections.</param>
    public Forwarder(IHttpForwarder yarp, UpstreamPool pool)
    {
        _yarp = yarp;
        _pool = pool;
    }

    /// <summary>Forwards a request and its answer to their ends.</summary>
    /// <param name="context">The client's request.</param>
    /// <param name="request">Where it goes to.</param>
    /// <param name="cancellationToken">Ends it, beside the client's leaving.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.UpstreamUnreachable"/>, <see cref="TransferError.UpstreamTimedOut"/>,
    /// <see cref="TransferError.UpstreamFailed"/>, or <see cref="TransferError.ClientDisconnected"/>.
    /// </exception>
    /// <exception cref="BadHttpRequestException">The client's body is not what it should be.</exception>
    public async Task ForwardAsync(HttpContext context, ForwardRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        (Stream clientBody, Stream clientAnswer) = (context.Request.Body, context.Response.Body);
        using var exchange = new Exchange(_pool, context, request);
        context.Request.Body = exchange.Upload;
        context.Response.Body = new ClientStream(DirectResponseStream.Of(context), ClientConnection.Of(context));
        ForwarderError error;
        try
        {
            error = await _yarp.SendAsync(
                context, request.Upstream.Origin, _client, Config, new ForwardTransformer(exchange), cancellationToken);
        }
        finally
        {
            (context.Request.Body, context.Response.Body) = (clientBody, clientAnswer);
        }

        if (error != ForwarderError.None && !IsEarlyAnswer(context, exchange, error))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Throw(context, error, context.GetForwarderErrorFeature()?.Exception);
        }
    }

    /// <inheritdoc />
    public void Dispose() => _client.Dispose();

    // The daemon answered before the end of the body was seen, and that is the client's answer: that the body did not go
    // further is no news. An answer without a body of its own has not started yet, but it is set.
    private static bool IsEarlyAnswer(HttpContext context, Exchange exchange, ForwarderError error) =>
        (context.Response.HasStarted || (exchange.Head is not null && exchange.Upload.IsStopped))
        && !context.RequestAborted.IsCancellationRequested
        && error is ForwarderError.RequestBodyCanceled or ForwarderError.RequestBodyClient or ForwarderError.RequestBodyDestination;

    private static void Throw(HttpContext context, ForwarderError error, Exception? cause)
    {
        if (context.RequestAborted.IsCancellationRequested || error == ForwarderError.ResponseBodyClient)
        {
            throw new TransferException(TransferError.ClientDisconnected, $"The client left while its request was forwarded ({error})", cause);
        }

        Exception? named = Causes(cause).FirstOrDefault(e => e is TransferException or BadHttpRequestException);
        if (named is not null)
        {
            ExceptionDispatchInfo.Throw(named);
        }

        throw new TransferException(TransferError.UpstreamFailed, $"Forwarding failed ({error}): {cause?.Message}", cause);
    }

    private static IEnumerable<Exception> Causes(Exception? cause) => cause switch
    {
        null => [],
        AggregateException several => several.InnerExceptions.SelectMany(Causes),
        _ => Causes(cause.InnerException).Prepend(cause),
    };
}
