using ImageIO.Client.Transport;
using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

/// <summary>One worker's unit of work: contiguous parts between boundaries of the checksum's blocks.</summary>
/// <param name="Parts">The parts in order, without gaps.</param>
/// <param name="IsRepeated">Whether they may have been lost after an earlier copy. Their checksum is known.</param>
internal sealed record Segment(IReadOnlyList<Part> Parts, bool IsRepeated = false)
{
    /// <summary>Bytes of a block of the checksum. Segments start and end at multiples of it.</summary>
    public const int Block = ImageChecksum.DefaultBlockSize;

    /// <summary>Most bytes of a segment with data.</summary>
    public const int MostData = 64 * 1024 * 1024;

    /// <summary>Most bytes of a segment of one part without data.</summary>
    public const long MostZeroes = 1L << 30;

    public ByteRange Range => new(Parts[0].Range.Start, Parts[^1].Range.End);
}
