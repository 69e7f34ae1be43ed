using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Operations;

/// <summary>The extents of an image as clients get them: neighbours with equal flags are one.</summary>
public static class ExtentMerger
{
    /// <summary>
    /// The merged extents in ascending order, without gaps, covering the image. Streams: memory does not depend on how
    /// many there are.
    /// </summary>
    /// <param name="image">The image. One that does not offer the context is one extent without flags.</param>
    /// <param name="context">Which flags are wanted.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    public static async IAsyncEnumerable<Extent> ReadAsync(
        OpenImage image, ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(image);
        bool offered = context == ExtentContext.Dirty
            ? image.Capabilities.HasDirtyExtents
            : image.Capabilities.HasZeroExtents;
        if (!offered)
        {
            if (image.Size is > 0 and var size)
            {
                yield return new Extent(new ByteRange(0, size), ExtentFlags.None);
            }

            yield break;
        }

        Extent? pending = null;
        await foreach (Extent extent in image.GetExtentsAsync(context, cancellationToken))
        {
            if (pending is not { } before)
            {
                pending = extent;
            }
            else if (before.Flags == extent.Flags)
            {
                pending = before with { Range = new ByteRange(before.Range.Start, extent.Range.End) };
            }
            else
            {
                yield return before;
                pending = extent;
            }
        }

        if (pending is { } last)
        {
            yield return last;
        }
    }
}
