using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Ranges;

namespace ImageIO.Formats.Qcow2;

/// <summary>The size of a qcow2 file for some data.</summary>
/// <param name="Required">Bytes for the existing data.</param>
/// <param name="FullyAllocated">Bytes with every cluster written.</param>
public sealed record Qcow2Measure(long Required, long FullyAllocated)
{
    /// <summary>Counts the clusters with data.</summary>
    /// <param name="source">The guest's data.</param>
    /// <param name="clusterSize">Bytes of a cluster in the new file.</param>
    /// <param name="cancellationToken">Ends the counting.</param>
    public static ValueTask<Qcow2Measure> OfAsync(IBackend source, int clusterSize, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        return OfAsync(
            source.GetExtentsAsync(ExtentContext.Zero, cancellationToken), source.Size, clusterSize, cancellationToken);
    }

    /// <summary>Counts extents of data in clusters.</summary>
    /// <param name="extents">In ascending order; those that are not zero are counted.</param>
    /// <param name="size">Bytes that the guest sees.</param>
    /// <param name="clusterSize">Bytes of a cluster of the image to be.</param>
    /// <param name="cancellationToken">Ends the counting.</param>
    public static async ValueTask<Qcow2Measure> OfAsync(
        IAsyncEnumerable<Extent> extents, long size, int clusterSize, CancellationToken cancellationToken)
    {
        long data = 0;
        long counted = 0;
        await foreach (Extent extent in extents.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (!extent.Flags.HasFlag(ExtentFlags.Zero))
            {
                // A cluster that two extents share is counted once.
                long start = Math.Max(counted, Alignment.Down(extent.Range.Start, clusterSize));
                long end = Alignment.Up(extent.Range.End, clusterSize);
                data += Math.Max(0, end - start);
                counted = Math.Max(counted, end);
            }
        }

        long all = Qcow2Layout.FullyAllocated(size, clusterSize);
        return new Qcow2Measure(all - Alignment.Up(size, clusterSize) + data, all);
    }
}
