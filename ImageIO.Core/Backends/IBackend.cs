using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Backends;

/// <summary>
/// One open image on one kind of storage. Positional: there is no current offset. Calls may run in parallel, up to the
/// numbers in <see cref="Capabilities"/>.
/// </summary>
/// <remarks>
/// <para>Callers keep these promises, so a backend need not check them: offsets are multiples of
/// <see cref="BlockSize"/>;
/// so are lengths, except that a write or zero that ends at or past <see cref="Size"/> may have any length; nothing is
/// called that the capabilities do not offer; buffers are aligned in memory to 4096 bytes; while a write of a partial
/// last block or a zero past <see cref="Size"/> runs, no other write or zero reaches past its start.</para>
/// <para>Unless <see cref="MayBlock"/> is false: calls, those for <see cref="Size"/>, extents and disposal among them,
/// come
/// on threads that a backend may block for as long as its storage takes; calls that run in parallel come on different
/// ones.</para>
/// <para>Disposal that fails says that writes which were not flushed may be lost. Every failure is a
/// <see cref="TransferException"/> with <see cref="TransferError.StorageFull"/> or
/// <see cref="TransferError.StorageFailed"/>, naming the call, the image and the range.</para>
/// </remarks>
public interface IBackend : IAsyncDisposable
{
    /// <summary>
    /// Size of the image in bytes, now and for all handles. Never larger than what was written, even while a write of a
    /// partial last block runs or after it failed.
    /// </summary>
    long Size { get; }

    /// <summary>Bytes that offsets and lengths are multiples of: a power of two from 1 to 64 KiB.</summary>
    int BlockSize { get; }

    /// <summary>
    /// Bytes that offsets should be multiples of for best performance: a power of two, <see cref="BlockSize"/> or more.
    /// An operation ends its first buffer at such a multiple, so that the others begin there.
    /// </summary>
    int PreferredBlockSize => BlockSize;

    /// <summary>
    /// Identifies the image whatever its URL was, like device and inode. Handles with equal identities guard their
    /// half-written blocks against each other. Null: the URL identifies it.
    /// </summary>
    string? Identity => null;

    /// <summary>
    /// Identifies the storage, like the device of a file system or the address of a server. Images of one storage share
    /// a part of the buffers. Null: all images of this backend share it.
    /// </summary>
    string? Storage => null;

    /// <summary>
    /// Whether calls may block their thread. False: every call, disposal too, returns at once and completes later, like
    /// those of a network backend. Such calls come on threads that serve sockets.
    /// </summary>
    bool MayBlock => true;

    /// <summary>What this open image offers; fixed once open.</summary>
    BackendCapabilities Capabilities { get; }

    /// <summary>
    /// Fills all of <paramref name="destination"/> from <paramref name="offset"/> on. Bytes at and past
    /// <see cref="Size"/> read as zeroes. A read of fewer bytes is an error, never a short answer.
    /// </summary>
    /// <param name="destination">Filled completely.</param>
    /// <param name="offset">Bytes from the image's start.</param>
    /// <param name="cancellationToken">May end the read early with <see cref="OperationCanceledException"/>.</param>
    ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken);

    /// <summary>
    /// Writes all of <paramref name="source"/> at <paramref name="offset"/>. An image that can grow grows to exactly
    /// the end of the write; a gap before the write reads as zeroes.
    /// </summary>
    /// <param name="source">Written completely.</param>
    /// <param name="offset">Bytes from the image's start.</param>
    /// <param name="cancellationToken">May end the write early; written bytes remain.</param>
    ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken);

    /// <summary>
    /// Makes a range read as zeroes without writing zeroes; grows the image like a write. At most 128 MiB a call.
    /// </summary>
    /// <param name="offset">Bytes from the image's start.</param>
    /// <param name="length">Bytes, more than 0.</param>
    /// <param name="mode">Whether the space may be given back.</param>
    /// <param name="cancellationToken">May end the call early.</param>
    /// <returns>
    /// False: this storage cannot do it, and nothing outside the range was changed. The caller writes zeroes instead.
    /// </returns>
    ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken);

    /// <summary>Makes every write and zero that completed before this call durable.</summary>
    /// <param name="cancellationToken">May end the wait; the storage may still be flushing then.</param>
    ValueTask FlushAsync(CancellationToken cancellationToken);

    /// <summary>
    /// The image's extents in ascending order, without gaps, from 0 to the <see cref="Size"/> at the time of the call.
    /// Neighbours may have equal flags, which the caller merges.
    /// </summary>
    /// <param name="context">The wanted flags.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    IAsyncEnumerable<Extent> GetExtentsAsync(ExtentContext context, CancellationToken cancellationToken);
}
