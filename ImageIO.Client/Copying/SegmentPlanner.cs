using System.Runtime.CompilerServices;
using ImageIO.Core.Buffers;
using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

/// <summary>Divides an image's extents into segments.</summary>
/// <param name="size">Bytes of the image.</param>
/// <param name="classify">Returns the treatment of an extent.</param>
/// <param name="mergesGaps">
/// Whether zeroes between data may be sent as data to save requests. Not if holes must stay holes.
/// </param>
/// <param name="done">Ranges that need no copying, in ascending order.</param>
internal sealed class SegmentPlanner(
    long size, Func<Extent, PartKind> classify, bool mergesGaps, IReadOnlyList<ByteRange> done)
{
    // A request costs as much as this many bytes (0.2 ms on one host, measured). Also the granularity of data, so that
    // clusters of the usual size are copied whole.
    private const int Grain = 64 * 1024;

    private int _doneIndex;

    /// <summary>The segments in ascending order.</summary>
    public async IAsyncEnumerable<Segment> PlanAsync(
        IAsyncEnumerable<Extent> extents, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var parts = new List<Part>();
        await foreach (Part part in SplitAsync(
            MergeAsync(extents, cancellationToken), cancellationToken).ConfigureAwait(false))
        {
            for (long position = part.Range.Start; position < part.Range.End;)
            {
                long end = CutAt(parts, part, position);
                parts.Add(new Part(new ByteRange(position, end), part.Kind));
                position = end;
                if (end == size || IsFull(parts))
                {
                    yield return new Segment([.. parts]);
                    parts.Clear();
                }
            }
        }
    }

    private static bool NeedsData(PartKind kind) => kind is PartKind.Data or PartKind.Done;

    private static bool IsFull(List<Part> parts)
    {
        long end = parts[^1].Range.End;
        return end % Segment.Block == 0
            && (end - parts[0].Range.Start >= Segment.MostData || !NeedsData(parts[^1].Kind));
    }

    // Where a part is divided: at the end of its segment.
    private static long CutAt(List<Part> parts, Part part, long position)
    {
        if (!NeedsData(part.Kind))
        {
            // In a segment of its own up to its last whole block, or else to the end of the block that it shares with
            // data.
            long limit = parts.Count == 0 ? position + Segment.MostZeroes : Alignment.Up(position + 1, Segment.Block);
            long end = Math.Min(part.Range.End, limit);
            long whole = Alignment.Down(end, Segment.Block);
            return parts.Count == 0 && whole > position ? whole : end;
        }

        long start = parts.Count > 0 ? parts[0].Range.Start : position;
        return Math.Min(part.Range.End, Math.Max(start + Segment.MostData, Alignment.Up(position + 1, Segment.Block)));
    }

    // Data with small gaps becomes one part.
    private async IAsyncEnumerable<Part> MergeAsync(
        IAsyncEnumerable<Extent> extents, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Part pending = default;
        await foreach (Extent extent in extents.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            PartKind kind = classify(extent);
            long start = extent.Range.Start;
            long end = Math.Min(extent.Range.End, size);
            if (mergesGaps && kind == PartKind.Data)
            {
                start = Alignment.Down(start, Grain);
                end = Math.Min(size, Alignment.Up(end, Grain));
            }

            // The data before is extended to its granularity into this part, or this data into the part before.
            bool takesFromBefore = mergesGaps && kind == PartKind.Data && pending.Kind != PartKind.Data;
            start = Math.Max(start, takesFromBefore ? pending.Range.Start : pending.Range.End);
            if (start >= end)
            {
                continue;
            }

            if (takesFromBefore)
            {
                pending =
                    pending with { Range = new ByteRange(pending.Range.Start, Math.Min(start, pending.Range.End)) };
            }

            if (pending.Range.IsEmpty || pending.Kind == kind)
            {
                pending = new Part(new ByteRange(pending.Range.IsEmpty ? start : pending.Range.Start, end), kind);
                continue;
            }

            yield return pending;
            pending = new Part(new ByteRange(start, end), kind);
        }

        if (!pending.Range.IsEmpty)
        {
            yield return pending;
        }
    }

    // Ranges of an earlier run need no copying.
    private async IAsyncEnumerable<Part> SplitAsync(
        IAsyncEnumerable<Part> parts, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (Part part in parts.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            for (long position = part.Range.Start; position < part.Range.End;)
            {
                while (_doneIndex < done.Count && done[_doneIndex].End <= position)
                {
                    _doneIndex++;
                }

                bool isDone = _doneIndex < done.Count && done[_doneIndex].Start <= position;
                long limit =
                    _doneIndex >= done.Count ? long.MaxValue : isDone ? done[_doneIndex].End : done[_doneIndex].Start;
                long end = Math.Min(part.Range.End, limit);
                PartKind kind = (isDone, part.Kind) switch
                {
                    (true, PartKind.Data) => PartKind.Done,
                    (true, PartKind.Zero) => PartKind.SkippedZero,
                    _ => part.Kind,
                };
                yield return new Part(new ByteRange(position, end), kind);
                position = end;
            }
        }
    }
}
