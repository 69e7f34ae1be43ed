namespace ImageIO.Core.Ranges;

/// <summary>A set of bytes, kept as disjoint ranges: overlapping and adjacent ranges are merged. Not
/// thread-safe.</summary>
/// <remarks>
/// Adding costs O(log n) plus the ranges it swallows, each of which is swallowed only once. The sum is kept, so asking
/// for it costs the same after ten and after a million scattered writes.
/// </remarks>
public sealed class RangeSet
{
    // Invariant: no range is empty, and at least one byte between two neighbours is not in the set.
    private readonly SortedSet<ByteRange> _ranges = new(
        Comparer<ByteRange>.Create((a, b) => a.Start.CompareTo(b.Start)));

    /// <summary>Number of distinct bytes in the set.</summary>
    public long Sum { get; private set; }

    /// <summary>Number of merged ranges.</summary>
    public int Count => _ranges.Count;

    /// <summary>Whether the set holds no byte.</summary>
    public bool IsEmpty => _ranges.Count == 0;

    /// <summary>The merged ranges in ascending order.</summary>
    public IEnumerable<ByteRange> Ranges => _ranges;

    /// <summary>Adds all bytes of <paramref name="range"/>; bytes already there change nothing.</summary>
    public void Add(ByteRange range)
    {
        if (range.IsEmpty)
        {
            return;
        }

        long start = range.Start;
        long end = range.End;
        if (LastStartingAtOrBefore(start) is { } before && before.End >= start)
        {
            if (before.End >= end)
            {
                return;
            }

            start = before.Start;
            Take(before);
        }

        while (FirstStartingIn(start, end) is { } next)
        {
            end = Math.Max(end, next.End);
            Take(next);
        }

        Put(new ByteRange(start, end));
    }

    /// <summary>Removes all bytes of <paramref name="range"/>; bytes not in the set change nothing.</summary>
    public void Remove(ByteRange range)
    {
        if (range.IsEmpty)
        {
            return;
        }

        if (LastStartingAtOrBefore(range.Start) is { } before && before.End > range.Start)
        {
            Cut(before, range);
        }

        while (FirstStartingIn(range.Start, range.End - 1) is { } next)
        {
            Cut(next, range);
        }
    }

    /// <summary>Adds all bytes of another set.</summary>
    public void Add(RangeSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        foreach (ByteRange range in other._ranges)
        {
            Add(range);
        }
    }

    /// <summary>
    /// Joins the nearest neighbours, and the bytes between them, while there are more than <paramref name="most"/>
    /// ranges.
    /// </summary>
    /// <param name="most">2 or more.</param>
    /// <returns>Bytes that the set has gained. It never loses one.</returns>
    public long Join(int most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 2);
        if (Count <= most)
        {
            return 0;
        }

        // Join down to half, so that joining is rare.
        ByteRange[] ranges = [.. _ranges];
        long[] gaps = [.. ranges.Zip(ranges.Skip(1), (before, after) => after.Start - before.End)];
        int surplus = ranges.Length - (most / 2);
        long[] sorted = [.. gaps];
        Array.Sort(sorted);
        long widest = sorted[surplus - 1];
        int ofWidest = surplus - Array.FindAll(gaps, gap => gap < widest).Length;
        long before = Sum;
        for (int i = 0; i < gaps.Length; i++)
        {
            if (gaps[i] < widest || (gaps[i] == widest && ofWidest-- > 0))
            {
                Add(new ByteRange(ranges[i].End, ranges[i + 1].Start));
            }
        }

        return Sum - before;
    }

    /// <summary>Removes every byte.</summary>
    public void Clear()
    {
        _ranges.Clear();
        Sum = 0;
    }

    private void Cut(ByteRange stored, ByteRange hole)
    {
        Take(stored);
        if (stored.Start < hole.Start)
        {
            Put(new ByteRange(stored.Start, hole.Start));
        }

        if (stored.End > hole.End)
        {
            Put(new ByteRange(hole.End, stored.End));
        }
    }

    private void Put(ByteRange range)
    {
        _ranges.Add(range);
        Sum += range.Length;
    }

    private void Take(ByteRange range)
    {
        _ranges.Remove(range);
        Sum -= range.Length;
    }

    // The comparer compares starts only, so an empty range stands for a position. Min and Max of a view walk down the
    // tree without counting or copying it.
    private ByteRange? LastStartingAtOrBefore(long position)
    {
        if (_ranges.Count == 0)
        {
            return null;
        }

        SortedSet<ByteRange> view = _ranges.GetViewBetween(default, new ByteRange(position, position));
        ByteRange last = view.Max;
        return last.IsEmpty ? null : last;
    }

    private ByteRange? FirstStartingIn(long first, long last)
    {
        if (_ranges.Count == 0)
        {
            return null;
        }

        SortedSet<ByteRange> view =
            _ranges.GetViewBetween(new ByteRange(first, first), new ByteRange(last, last));
        ByteRange found = view.Min;
        return found.IsEmpty ? null : found;
    }
}
