using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ImageIO.Hashing;

/// <summary>AVX-512's rotations, on vectors of 256 bits.</summary>
internal readonly struct RotationsAvx512 : IRotations
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> By32(Vector256<ulong> value) => Avx512F.VL.RotateRight(value, 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> By24(Vector256<ulong> value) => Avx512F.VL.RotateRight(value, 24);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> By16(Vector256<ulong> value) => Avx512F.VL.RotateRight(value, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> By63(Vector256<ulong> value) => Avx512F.VL.RotateRight(value, 63);
}
