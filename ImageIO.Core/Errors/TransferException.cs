using System.Numerics;

namespace ImageIO.Core.Errors;

/// <summary>
/// A failure with a name, caused by a request, a client or the storage. A bug in our own code is an
/// <see cref="ArgumentException"/> or <see cref="InvalidOperationException"/>, and cancellation an
/// <see cref="OperationCanceledException"/>.
/// </summary>
public sealed class TransferException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">The reason.</param>
    /// <param name="message">The attempt, its object, and the result; never a ticket id.</param>
    /// <param name="innerException">The cause, or null.</param>
    public TransferException(TransferError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>The reason.</summary>
    public TransferError Error { get; }

    /// <summary>
    /// For <see cref="TransferError.RangeNotSatisfiable"/> of a read: the size in bytes that the range passed. Null:
    /// unknown.
    /// </summary>
    public BigInteger? Limit { get; init; }

    /// <summary>
    /// For <see cref="TransferError.StorageFull"/>: bytes of the request that were written before. Null: a flush
    /// failed.
    /// </summary>
    public long? BytesDone { get; init; }
}
