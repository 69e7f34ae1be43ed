using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

/// <summary>What one worker does at a time: some parts behind each other, from one block of the checksum to another.</summary>
/// <param name="Parts">The parts in order, without gaps.</param>
/// <param name="IsRepeated">Whether they were copied before and may have been lost: their checksum is known.</param>
internal sealed record Segment(IReadOnlyList<Part> Parts, bool IsRepeated = false)
{
    /// <summary>Bytes of a block of the checksum. Segments begin and end at multiples of it.</summary>
    public const int Block = 4 * 1024 * 1024;

    /// <summary>Most bytes of a segment with data.</summary>
    public const int MostData = 64 * 1024 * 1024;

    /// <summary>Most bytes of a segment of one part that needs no data.</summary>
    public const long MostZeroes = 1L << 30;

    public ByteRange Range => new(Parts[0].Range.Start, Parts[^1].Range.End);
}
