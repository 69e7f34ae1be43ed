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
    public static async ValueTask<Qcow2Measure> OfAsync(IBackend source, int clusterSize, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        long data = 0;
        long counted = 0;
        await foreach (Extent extent in source.GetExtentsAsync(ExtentContext.Zero, cancellationToken).ConfigureAwait(false))
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

        long all = Qcow2Layout.FullyAllocated(source.Size, clusterSize);
        return new Qcow2Measure(all - Alignment.Up(source.Size, clusterSize) + data, all);
    }
}
