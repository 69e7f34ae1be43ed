using ImageIO.Core.Ranges;

namespace ImageIO.Core.Backends;

/// <summary>
/// What was written through one handle and is not known to be durable. Guarded by <see cref="FlushMemory"/>.
/// </summary>
internal sealed class UnflushedWrites
{
    private RangeSet _ranges = new();

    /// <summary>Ranges that are kept.</summary>
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

    /// <summary>Gives all ranges away.</summary>
    public RangeSet Take()
    {
        RangeSet taken = _ranges;
        _ranges = new RangeSet();
        return taken;
    }
}
