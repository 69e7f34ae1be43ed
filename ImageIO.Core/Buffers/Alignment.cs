using System.Numerics;

namespace ImageIO.Core.Buffers;

/// <summary>Arithmetic on offsets and lengths that must be multiples of a block.</summary>
public static class Alignment
{
    /// <summary>The largest multiple of <paramref name="block"/> that is not above <paramref name="value"/>.</summary>
    /// <param name="value">Bytes, 0 or more.</param>
    /// <param name="block">Bytes, a power of two.</param>
    public static long Down(long value, int block) => value & -(long)block;

    /// <summary>
    /// The smallest multiple of <paramref name="block"/> that is not below <paramref name="value"/>; the largest
    /// possible multiple if that would pass 2^63 - 1.
    /// </summary>
    /// <param name="value">Bytes, 0 or more.</param>
    /// <param name="block">Bytes, a power of two.</param>
    public static long Up(long value, int block) =>
        value > long.MaxValue - (block - 1) ? Down(long.MaxValue, block) : Down(value + (block - 1), block);

    /// <summary>Whether <paramref name="value"/> is a multiple of <paramref name="block"/>, a power of two.</summary>
    public static bool IsAligned(long value, int block) => (value & (block - 1)) == 0;

    /// <summary>
    /// The end of a run of bytes so that the next run begins at a multiple of <paramref name="preferred"/>: the last
    /// multiple up to <paramref name="end"/>, or <paramref name="end"/> if there is none.
    /// </summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">One past the last byte that there is room for.</param>
    /// <param name="preferred">Bytes, a power of two.</param>
    internal static long PreferredEnd(long start, long end, int preferred)
    {
        long aligned = Down(end, preferred);
        return aligned > start ? aligned : end;
    }

    /// <summary>Whether <paramref name="block"/> can be a block size: a power of two from 1 to 64 KiB.</summary>
    public static bool IsBlockSize(int block) => block is > 0 and <= 65536 && BitOperations.IsPow2(block);
}
