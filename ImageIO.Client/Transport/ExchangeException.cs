using ImageIO.Core.Errors;

namespace ImageIO.Client.Transport;

/// <summary>A failed request. Stays inside of the library: callers get a <see cref="TransferException"/>.</summary>
internal sealed class ExchangeException(ExchangeFailure failure, string message, Exception? inner = null) : Exception(
    message, inner)
{
    public ExchangeFailure Failure { get; } = failure;

    /// <summary>The answer's status; 0: there was none.</summary>
    public int Status { get; init; }

    /// <summary>Whether the same request may succeed later.</summary>
    public bool IsWorthRetrying => Failure is ExchangeFailure.Unreachable or ExchangeFailure.Broken
        or ExchangeFailure.Busy or ExchangeFailure.ServerFailed or ExchangeFailure.DigestMismatch;

    /// <summary>As callers of the library see it.</summary>
    public TransferException ToTransferException() => new(
        Failure switch
        {
            ExchangeFailure.Unreachable or ExchangeFailure.CertificateRefused => TransferError.UpstreamUnreachable,
            ExchangeFailure.Broken or ExchangeFailure.Busy => TransferError.UpstreamFailed,
            ExchangeFailure.ServerFailed => TransferError.StorageFailed,
            ExchangeFailure.DigestMismatch => TransferError.DigestMismatch,
            ExchangeFailure.StorageFull => TransferError.StorageFull,
            ExchangeFailure.NotPermitted =>
                Status == 401 ? TransferError.Unauthorized : TransferError.OperationNotPermitted,
            _ => Status switch
            {
                404 => TransferError.ResourceUnknown,
                405 => TransferError.MethodNotAllowed,
                416 => TransferError.RangeNotSatisfiable,
                _ => TransferError.InvalidRequest,
            },
        },
        Message,
        this);
}
