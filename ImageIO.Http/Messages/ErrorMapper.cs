using System.Security.Cryptography;
using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Http.Listeners;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Messages;

/// <summary>
/// Turns a failure into an answer. The only place that maps a <see cref="TransferError"/> to a status, and decides how
/// much of its message a client may see.
/// </summary>
public static partial class ErrorMapper
{
    /// <summary>Answers a failed request. Cuts the connection if the answer has begun.</summary>
    /// <param name="context">The request.</param>
    /// <param name="failure">The failure.</param>
    /// <param name="keepsConnection">Whether the connection stays open although a ticket refuses the request.</param>
    /// <param name="logger">Where the failure is logged.</param>
    public static async Task AnswerAsync(HttpContext context, Exception failure, bool keepsConnection, ILogger logger)
    {
        ClientConnection connection = ClientConnection.Of(context);
        if (failure is TransferException { Error: TransferError.ClientDisconnected } broken)
        {
            // The operation sees only that the body ends early.
            failure = RequestBody.Malformed(context, broken.InnerException) ?? broken;
        }

        if (failure is TransferException { Error: TransferError.ClientDisconnected }
            || (failure is OperationCanceledException && context.RequestAborted.IsCancellationRequested))
        {
            // The client has disconnected, or its body is shorter than announced: end the connection without an answer.
            Log.ClientLeft(logger, connection.Id, context.Request.Method, failure.Message);
            context.Abort();
            return;
        }

        (int status, string text) = Describe(failure);
        if (status is StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden
            && ImageResources.HintFor(context.Request) is { } hint)
        {
            text = $"{text}; {hint}";
        }

        if (status >= 500 && failure is not TransferException { Error: TransferError.Overloaded })
        {
            // The client gets an id to quote; the log has the details under it.
            string errorId = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
            text = status == StatusCodes.Status507InsufficientStorage ? text : $"{text}, error id {errorId}";
            Log.Failed(logger, failure, connection.Id, context.Request.Method, status, errorId, NameOf(failure));
        }
        else
        {
            Log.Refused(
                logger, connection.Id, context.Request.Method, status, NameOf(failure), OneLine(failure.Message));
        }

        if (context.Response.HasStarted)
        {
            // A body that is too short is the only signal left.
            context.Abort();
            return;
        }

        await WriteAsync(context, failure, keepsConnection, status, text);
    }

    private static async Task WriteAsync(
        HttpContext context, Exception failure, bool keepsConnection, int status, string text)
    {
        HttpResponse response = context.Response;
        response.Clear();
        response.StatusCode = status;
        response.ContentType = "text/plain; charset=UTF-8";
        if (failure is TransferException { Error: TransferError.RangeNotSatisfiable, Limit: { } limit }
            && (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)))
        {
            response.Headers.ContentRange = $"bytes */{limit}";
        }

        if (status == StatusCodes.Status401Unauthorized)
        {
            // Required by RFC 9110 section 15.5.2. No browser opens a dialog for this scheme.
            response.Headers.WWWAuthenticate = "Bearer";
        }

        bool isBodyUnread = RequestBody.MayBeUnread(context);
        if (isBodyUnread || (ClosesConnection(failure) && !keepsConnection))
        {
            response.Headers.Connection = "close";
        }

        byte[] body = Encoding.UTF8.GetBytes(OneLine(text) + "\n");
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await Answer.ToClient(context).WriteAsync(body, context.RequestAborted);
        }

        if (isBodyUnread)
        {
            await response.CompleteAsync();
            await RequestBody.DiscardAsync(context);
        }
    }

    // The text that the client may read. Messages about requests are for the client; messages about storage name paths,
    // and only go to the log.
    private static (int Status, string Text) Describe(Exception failure) => failure switch
    {
        TransferException e => e.Error switch
        {
            TransferError.InvalidRequest or TransferError.DigestMismatch =>
                (StatusCodes.Status400BadRequest, e.Message),
            TransferError.RequestTooLarge => (StatusCodes.Status413PayloadTooLarge, e.Message),
            TransferError.ResourceUnknown or TransferError.TicketNotFound or TransferError.NotSupported =>
                (StatusCodes.Status404NotFound, e.Message),
            TransferError.MethodNotAllowed => (StatusCodes.Status405MethodNotAllowed, e.Message),
            TransferError.TicketUnknown or TransferError.TicketExpired or TransferError.TicketCanceled
                or TransferError.OperationNotPermitted =>
                (StatusCodes.Status403Forbidden, $"You are not allowed to access this resource: {e.Message}"),
            TransferError.SignedTicketRefused => (StatusCodes.Status403Forbidden, e.Message),
            TransferError.Unauthorized => (StatusCodes.Status401Unauthorized, e.Message),
            TransferError.LengthRequired => (StatusCodes.Status411LengthRequired, e.Message),
            TransferError.CancelTimedOut => (StatusCodes.Status409Conflict, e.Message),
            TransferError.RangeNotSatisfiable => (StatusCodes.Status416RangeNotSatisfiable, e.Message),
            TransferError.ClientDisconnected => (StatusCodes.Status400BadRequest, e.Message),
            TransferError.StorageFull =>
                (StatusCodes.Status507InsufficientStorage,
                    e.BytesDone is { } done
                        ? $"No space left on the storage after {done} bytes of this request were written"
                        // A failed flush: writing had succeeded.
                        : "No space left on the storage: what was written could not be made durable"),
            TransferError.ImageUnavailable =>
                (StatusCodes.Status500InternalServerError, "The image cannot be opened"),
            TransferError.UpstreamUnreachable =>
                (StatusCodes.Status503ServiceUnavailable, "The host that serves the image cannot be reached"),
            TransferError.UpstreamFailed =>
                (StatusCodes.Status503ServiceUnavailable, "The host that serves the image broke off"),
            TransferError.Overloaded => (StatusCodes.Status503ServiceUnavailable, e.Message),
            TransferError.UpstreamTimedOut =>
                (StatusCodes.Status504GatewayTimeout, "The host that serves the image did not answer in time"),
            TransferError.ForwardingLoop => (StatusCodes.Status508LoopDetected, e.Message),
            TransferError.FlushLost =>
                (StatusCodes.Status500InternalServerError,
                    "An earlier flush failed: data written before it may be lost and must be written again"),
            _ => (StatusCodes.Status500InternalServerError, "The storage failed"),
        },
        // From the server: a malformed chunk, or a body that ends early.
        BadHttpRequestException e => (e.StatusCode, e.Message),
        _ => (StatusCodes.Status500InternalServerError, "Internal error"),
    };

    private static bool ClosesConnection(Exception failure) => failure is TransferException
    {
        Error: TransferError.TicketUnknown or TransferError.TicketExpired or TransferError.TicketCanceled
            or TransferError.OperationNotPermitted,
    };

    private static string NameOf(Exception failure) =>
        failure is TransferException e ? e.Error.ToString() : failure.GetType().Name;

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static partial class Log
    {
        [LoggerMessage(
            10, LogLevel.Information, "Connection {Connection}: {Method} answered {Status}, {Reason}: {Message}")]
        public static partial void Refused(
            ILogger logger, string connection, string method, int status, string reason, string message);

        [LoggerMessage(
            11, LogLevel.Error, "Connection {Connection}: {Method} answered {Status}, error id {ErrorId}, {Reason}")]
        public static partial void Failed(
            ILogger logger,
            Exception failure, string connection, string method, int status, string errorId, string reason);

        [LoggerMessage(12, LogLevel.Information, "Connection {Connection}: {Method} ended, the client left: {Message}")]
        public static partial void ClientLeft(ILogger logger, string connection, string method, string message);
    }
}
