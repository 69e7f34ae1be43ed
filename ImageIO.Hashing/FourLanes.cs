using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ImageIO.Hashing;

/// <summary>Compresses blocks of four messages at once, one in each lane of AVX2's vectors.</summary>
/// <typeparam name="TRotations">How the processor rotates.</typeparam>
internal static unsafe class FourLanes<TRotations>
    where TRotations : struct, IRotations
{
    /// <summary>Messages at once.</summary>
    public const int Count = 4;

    /// <inheritdoc cref="EightLanes.Compress" />
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(ulong** states, ulong* counts, byte** messages, int blocks)
    {
        byte* room = stackalloc byte[(32 + 1) * 32];
        var h = (Vector256<ulong>*)(((nuint)room + 31) & ~(nuint)31);
        Vector256<ulong>* m = h + 8;
        Vector256<ulong>* iv = m + 16;
        for (int word = 0; word < 8; word++)
        {
            iv[word] = Vector256.Create(Blake2bTables.Iv[word]);
        }

        Transpose((byte**)states, 0, h);
        Transpose((byte**)states, 32, h + 4);
        Vector256<ulong> count = Vector256.Load(counts);
        for (nint block = 0; block < blocks; block++)
        {
            for (int part = 0; part < 4; part++)
            {
                Transpose(messages, (block * 128) + (part * 32), m + (part * 4));
            }

            count += Vector256.Create(128UL);
            Vector256<ulong> v0 = h[0], v1 = h[1], v2 = h[2], v3 = h[3], v4 = h[4], v5 = h[5], v6 = h[6], v7 = h[7];
            Vector256<ulong> v8 = iv[0], v9 = iv[1], v10 = iv[2], v11 = iv[3];
            Vector256<ulong> v12 = iv[4] ^ count, v13 = iv[5], v14 = iv[6], v15 = iv[7];
            byte* s = Blake2bTables.SigmaPointer;
            for (byte* end = s + (16 * Blake2bTables.Rounds); s < end; s += 16)
            {
                G(ref v0, ref v4, ref v8, ref v12, m[s[0]], m[s[1]]);
                G(ref v1, ref v5, ref v9, ref v13, m[s[2]], m[s[3]]);
                G(ref v2, ref v6, ref v10, ref v14, m[s[4]], m[s[5]]);
                G(ref v3, ref v7, ref v11, ref v15, m[s[6]], m[s[7]]);
                G(ref v0, ref v5, ref v10, ref v15, m[s[8]], m[s[9]]);
                G(ref v1, ref v6, ref v11, ref v12, m[s[10]], m[s[11]]);
                G(ref v2, ref v7, ref v8, ref v13, m[s[12]], m[s[13]]);
                G(ref v3, ref v4, ref v9, ref v14, m[s[14]], m[s[15]]);
            }

            h[0] ^= v0 ^ v8;
            h[1] ^= v1 ^ v9;
            h[2] ^= v2 ^ v10;
            h[3] ^= v3 ^ v11;
            h[4] ^= v4 ^ v12;
            h[5] ^= v5 ^ v13;
            h[6] ^= v6 ^ v14;
            h[7] ^= v7 ^ v15;
        }

        // Rows become columns again: transposing twice gives what was there.
        byte** rows = stackalloc byte*[4];
        for (int half = 0; half < 2; half++)
        {
            for (int row = 0; row < 4; row++)
            {
                rows[row] = (byte*)(h + (half * 4) + row);
            }

            Transpose(rows, 0, m);
            for (int lane = 0; lane < Count; lane++)
            {
                m[lane].Store(states[lane] + (half * 4));
            }
        }
    }

    // The mixing function G of RFC 7693 section 3.1, on four messages.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void G(
        ref Vector256<ulong> a,
        ref Vector256<ulong> b,
        ref Vector256<ulong> c,
        ref Vector256<ulong> d,
        Vector256<ulong> x,
        Vector256<ulong> y)
    {
        a += x;
        a += b;
        d = TRotations.By32(d ^ a);
        c += d;
        b = TRotations.By24(b ^ c);
        a += y;
        a += b;
        d = TRotations.By16(d ^ a);
        c += d;
        b = TRotations.By63(b ^ c);
    }

    // Word w of row r becomes word r of column w.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(byte** rows, nint offset, Vector256<ulong>* columns)
    {
        Vector256<ulong> r0 = Vector256.Load((ulong*)(rows[0] + offset));
        Vector256<ulong> r1 = Vector256.Load((ulong*)(rows[1] + offset));
        Vector256<ulong> r2 = Vector256.Load((ulong*)(rows[2] + offset));
        Vector256<ulong> r3 = Vector256.Load((ulong*)(rows[3] + offset));
        Vector256<ulong> a0 = Avx2.UnpackLow(r0, r1), a1 = Avx2.UnpackHigh(r0, r1);
        Vector256<ulong> a2 = Avx2.UnpackLow(r2, r3), a3 = Avx2.UnpackHigh(r2, r3);
        columns[0] = Avx2.Permute2x128(a0, a2, 0x20);
        columns[1] = Avx2.Permute2x128(a1, a3, 0x20);
        columns[2] = Avx2.Permute2x128(a0, a2, 0x31);
        columns[3] = Avx2.Permute2x128(a1, a3, 0x31);
    }
}
