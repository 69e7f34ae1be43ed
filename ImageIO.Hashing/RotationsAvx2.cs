using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ImageIO.Hashing;

/// <summary>AVX2 has no rotation: whole bytes are shuffled, and the one by 63 is a shift and an addition.</summary>
internal readonly struct RotationsAvx2 : IRotations
{
    private static Vector256<byte> Three
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.Create(
            (byte)3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10,
            3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10);
    }

    private static Vector256<byte> Two
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.Create(
            (byte)2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
            2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> By32(Vector256<ulong> value) => Avx2.Shuffle(value.AsUInt32(), 0xB1).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> By24(Vector256<ulong> value) => Avx2.Shuffle(value.AsByte(), Three).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> By16(Vector256<ulong> value) => Avx2.Shuffle(value.AsByte(), Two).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> By63(Vector256<ulong> value) =>
        Avx2.Xor(Avx2.ShiftRightLogical(value, 63), Avx2.Add(value, value));
}
