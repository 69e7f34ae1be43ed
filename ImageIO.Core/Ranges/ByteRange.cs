namespace ImageIO.Core.Ranges;

/// <summary>A range of image bytes, half-open: <c>[Start, End)</c>.</summary>
public readonly record struct ByteRange
{
    /// <summary>Creates the range <c>[start, end)</c>.</summary>
    /// <param name="start">First byte, 0 or more.</param>
    /// <param name="end">One past the last byte; equal to <paramref name="start"/> for an empty range.</param>
    /// <exception cref="ArgumentOutOfRangeException">A bound is negative, or the end lies before the start.</exception>
    public ByteRange(long start, long end)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThan(end, start);
        Start = start;
        End = end;
    }

    /// <summary>First byte.</summary>
    public long Start { get; }

    /// <summary>One past the last byte.</summary>
    public long End { get; }

    /// <summary>Bytes in the range.</summary>
    public long Length => End - Start;

    /// <summary>Whether the range holds no byte.</summary>
    public bool IsEmpty => Start == End;

    /// <summary>The range of <paramref name="length"/> bytes from <paramref name="offset"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An argument is negative, or the end passes 2^63 - 1.</exception>
    public static ByteRange At(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue - offset);
        return new ByteRange(offset, offset + length);
    }

    /// <summary>Whether the two ranges share at least one byte.</summary>
    public bool Overlaps(ByteRange other) => Math.Max(Start, other.Start) < Math.Min(End, other.End);

    /// <inheritdoc />
    public override string ToString() => $"[{Start}, {End})";
}
