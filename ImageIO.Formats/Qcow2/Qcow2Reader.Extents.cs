using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Formats.Qcow2;

public sealed partial class Qcow2Reader
{
    // Most guest bytes per step. Cancelling works between steps.
    private const long ExtentStep = 1L << 40;

    /// <inheritdoc />
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using ExtentCursor? below =
            _backing is null ? null : new ExtentCursor(_backing.Backend, context, cancellationToken);
        Extent? pending = null;
        for (long position = 0; position < Size;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ClusterRun run = await _tables.FindAsync(position, Math.Min(ExtentStep, Size - position), cancellationToken)
                .ConfigureAwait(false);
            Extent extent = await ExtentOfAsync(run, position, below).ConfigureAwait(false);
            position = extent.Range.End;
            if (pending is { } before && before.Flags == extent.Flags)
            {
                pending = new Extent(new ByteRange(before.Range.Start, position), extent.Flags);
                continue;
            }

            if (pending is { } done)
            {
                yield return done;
            }

            pending = extent;
        }

        if (pending is { } last)
        {
            yield return last;
        }
    }

    private static async ValueTask<Extent> ExtentOfAsync(ClusterRun run, long position, ExtentCursor? below)
    {
        var range = ByteRange.At(position, run.Length);
        switch (run.Kind)
        {
            case ClusterKind.Zero:
                return new Extent(range, ExtentFlags.Zero);
            case ClusterKind.Unallocated when below is null:
                return new Extent(range, ExtentFlags.Zero | ExtentFlags.Hole);
            case ClusterKind.Unallocated:
                Extent shown = await below.AtAsync(position).ConfigureAwait(false);
                return new Extent(new ByteRange(position, Math.Min(range.End, shown.Range.End)), shown.Flags);
            default:
                return new Extent(range, ExtentFlags.None);
        }
    }
}
