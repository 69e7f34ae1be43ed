using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Operations;

/// <summary>The extents of an image as clients get them: neighbours with equal flags are merged.</summary>
public static class ExtentMerger
{
    /// <summary>
    /// The merged extents in ascending order and without gaps, for the part of the image that the ticket reaches.
    /// Streamed, so memory does not depend on their number.
    /// </summary>
    /// <param name="image">The image. One that does not offer the context is one extent without flags.</param>
    /// <param name="limit">End of the ticket. A volume is often larger than its disk, and a client would request the
    /// extents beyond and be refused.</param>
    /// <param name="context">The wanted flags.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="TransferException"><see cref="TransferError.StorageFailed"/>: the backend's extents do not
    /// cover the image. A client would not read the missing part.</exception>
    public static async IAsyncEnumerable<Extent> ReadAsync(
        ImageHandle image,
        long limit,
        ExtentContext context,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(image);
        bool offered = context == ExtentContext.Dirty
            ? image.Capabilities.HasDirtyExtents
            : image.Capabilities.HasZeroExtents;
        long size = Math.Min(limit, await image.GetSizeAsync(cancellationToken));
        IAsyncEnumerable<Extent> extents =
            offered ? image.GetExtentsAsync(context, cancellationToken)
            : size == 0 ? AsyncEnumerable.Empty<Extent>()
            : new[] { new Extent(new ByteRange(0, size), ExtentFlags.None) }.ToAsyncEnumerable();
        await foreach (Extent extent in MergeAsync(extents, size, cancellationToken))
        {
            yield return extent;
        }
    }

    internal static async IAsyncEnumerable<Extent> MergeAsync(
        IAsyncEnumerable<Extent> extents, long size, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // The pending extent: begins where the last one returned ended.
        var current = new ByteRange(0, 0);
        ExtentFlags flags = default;
        await foreach (Extent extent in extents.WithCancellation(cancellationToken))
        {
            if (current.End >= size)
            {
                // The image has grown since, or is larger than the ticket.
                break;
            }

            if (extent.Range.Start != current.End || extent.Range.IsEmpty)
            {
                throw new TransferException(
                    TransferError.StorageFailed,
                    $"The backend reported extent {extent.Range} where one from {current.End} on was due");
            }

            long end = Math.Min(extent.Range.End, size);
            if (extent.Flags == flags || current.IsEmpty)
            {
                current = new ByteRange(current.Start, end);
            }
            else
            {
                yield return new Extent(current, flags);
                current = new ByteRange(current.End, end);
            }

            flags = extent.Flags;
        }

        if (current.End < size)
        {
            throw new TransferException(
                TransferError.StorageFailed, $"The backend reported extents up to {current.End} of {size} bytes");
        }

        if (!current.IsEmpty)
        {
            yield return new Extent(current, flags);
        }
    }
}
