using System.Runtime.Intrinsics;

namespace ImageIO.Hashing;

/// <summary>The rotations of BLAKE2b's mixing function, to the right, in each 64-bit word of a vector.</summary>
internal interface IRotations
{
    static abstract Vector256<ulong> By32(Vector256<ulong> value);

    static abstract Vector256<ulong> By24(Vector256<ulong> value);

    static abstract Vector256<ulong> By16(Vector256<ulong> value);

    static abstract Vector256<ulong> By63(Vector256<ulong> value);
}
