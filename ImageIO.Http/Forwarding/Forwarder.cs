using System.Diagnostics;
using System.Globalization;
using ImageIO.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// Forwards a client's request to a daemon, and the answer back, both as streams: only a small window is held in
/// memory, and a side that stalls stops the other.
/// </summary>
public sealed class Forwarder
{
    private readonly UpstreamPool _pool;
    private readonly ForwarderMark _mark = new();

    /// <summary>Creates a forwarder.</summary>
    /// <param name="pool">Connections to daemons.</param>
    public Forwarder(UpstreamPool pool) => _pool = pool;

    /// <summary>Forwards a request and its answer to their ends.</summary>
    /// <param name="context">The client's request.</param>
    /// <param name="request">The destination.</param>
    /// <param name="cancellationToken">Ends it. So does the client's disconnecting.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.UpstreamUnreachable"/>, <see cref="TransferError.UpstreamTimedOut"/>,
    /// <see cref="TransferError.UpstreamFailed"/>, <see cref="TransferError.ForwardingLoop"/>, or
    /// <see cref="TransferError.ClientDisconnected"/>.
    /// </exception>
    /// <exception cref="BadHttpRequestException">The client's body is malformed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task ForwardAsync(HttpContext context, ForwardRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        using Activity? span = TraceFields.StartExchange(context.Request.Method, request);
        var head = new RequestHead(
            context.Request, request, _mark.Append(context.Request.Headers.Via), TraceFields.Of(span, context.Request));
        var exchange = new Exchange(context, request, head, _pool);
        Exception? failure = null;
        try
        {
            await exchange.RunAsync(cancellationToken);
        }
        catch (Exception e)
        {
            failure = e;
            if (HasClientLeft(context, e))
            {
                throw ClientLeft(context.Request, request.Progress, e);
            }

            throw;
        }
        finally
        {
            TraceFields.Ended(span, context, failure);
        }
    }

    /// <summary>Asks a daemon how many bytes its ticket for an image permits.</summary>
    /// <param name="request">The client's request that needs it.</param>
    /// <param name="url">The image.</param>
    /// <param name="position">A byte of the image; the answer also tells whether it exists.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null: the daemon does not say.</returns>
    /// <exception cref="TransferException">The daemon cannot be reached, or fails.</exception>
    public Task<ProbedTicket?> ProbeAsync(
        HttpRequest request, UpstreamUrl url, long position, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(url);
        return new TicketProbe(_pool, url, _mark.Append(request.Headers.Via)).AskAsync(position, cancellationToken);
    }

    // When a client disconnects, everything in progress fails, in any order.
    private static bool HasClientLeft(HttpContext context, Exception failure) =>
        failure is TransferException { Error: TransferError.ClientDisconnected }
        || (context.RequestAborted.IsCancellationRequested && failure is OperationCanceledException or IOException);

    private static TransferException ClientLeft(HttpRequest request, ForwardProgress progress, Exception cause)
    {
        string length = progress.Length?.ToString(CultureInfo.InvariantCulture) ?? "an unknown number";
        string message = HttpMethods.IsPut(request.Method)
            || HttpMethods.IsPatch(request.Method) ? "its body" : "the answer";
        return new TransferException(
            TransferError.ClientDisconnected,
            $"The client left at byte {progress.Bytes} of {length} of {message}", cause);
    }
}
