using ImageIO.Core.Ranges;

namespace ImageIO.Core.Backends;

/// <summary>
/// Ranges that were written through one handle and may not be durable. Guarded by <see cref="FlushMemory"/>.
/// </summary>
internal sealed class UnflushedWrites
{
    private RangeSet _ranges = new();

    public int Count => _ranges.Count;

    public void Add(ByteRange range, int mostRanges)
    {
        _ranges.Add(range);
        _ranges.Join(mostRanges);
    }

    public void Add(RangeSet ranges, int mostRanges)
    {
        _ranges.Add(ranges);
        _ranges.Join(mostRanges);
    }

    /// <summary>Removes and returns all ranges.</summary>
    public RangeSet Take()
    {
        RangeSet taken = _ranges;
        _ranges = new RangeSet();
        return taken;
    }
}
