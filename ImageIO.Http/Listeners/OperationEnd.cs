using ImageIO.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Listeners;

/// <summary>The end of an operation, for the log line at a transfer's end.</summary>
/// <param name="Operation">read, write, zero, flush or checksum; in the proxy the request's method.</param>
/// <param name="Done">Bytes that it moved.</param>
/// <param name="Length">Bytes that were requested; negative: unknown.</param>
/// <param name="Failure">Why it ended early. Null: it is complete.</param>
public readonly record struct OperationEnd(string Operation, long Done, long Length, string? Failure)
{
    /// <summary>Why an operation ended early, in a few words.</summary>
    /// <param name="failure">Its failure.</param>
    /// <param name="context">Its request.</param>
    public static string ReasonOf(Exception failure, HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return failure switch
        {
            TransferException e => ReasonOf(e.Error),
            _ when context.RequestAborted.IsCancellationRequested => "the client left",
            OperationCanceledException => "it was cancelled",
            BadHttpRequestException => "the client broke off its request",
            _ => "an internal error",
        };
    }

    /// <inheritdoc />
    public override string ToString() => Failure is null
        ? "complete"
        : $"{Operation} ended at byte {Done}{(Length < 0 ? "" : $" of {Length}")}, {Failure}";

    private static string ReasonOf(TransferError error) => error switch
    {
        TransferError.ClientDisconnected => "the client left",
        TransferError.TicketCanceled => "it was cancelled",
        TransferError.StorageFull => "the storage is full",
        TransferError.DigestMismatch => "the digest did not match",
        TransferError.RangeNotSatisfiable => "the range is out of bounds",
        TransferError.UpstreamUnreachable or TransferError.UpstreamFailed or TransferError.UpstreamTimedOut =>
            "the host that serves the image failed",
        _ => "the storage failed",
    };
}
