namespace ImageIO.Core.Ranges;

/// <summary>
/// Counts bytes that were covered once or more, in bounded memory. If requests are scattered more widely than that,
/// some bytes are not counted; none is ever counted twice. Not thread-safe.
/// </summary>
internal sealed class DistinctBytes
{
    /// <summary>Most ranges that are kept, some 60 bytes each.</summary>
    public const int MostRanges = 256;

    private readonly RangeSet _covered = new();

    // Bytes between neighbours that were joined: they are in the set but were never covered.
    private long _joined;

    /// <summary>How many bytes were covered.</summary>
    public long Count => _covered.Sum - _joined;

    /// <summary>Ranges that are kept now.</summary>
    public int Ranges => _covered.Count;

    /// <summary>These bytes were covered, perhaps again.</summary>
    public void Add(ByteRange range)
    {
        _covered.Add(range);
        _joined += _covered.Join(MostRanges);
    }
}
