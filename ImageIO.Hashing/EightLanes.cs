using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ImageIO.Hashing;

/// <summary>Compresses blocks of eight messages at once, one in each lane of AVX-512's vectors.</summary>
internal static unsafe class EightLanes
{
    /// <summary>Messages at once.</summary>
    public const int Count = 8;

    /// <summary>True if the processor has AVX-512.</summary>
    public static bool IsSupported => Avx512F.IsSupported;

    /// <summary>Compresses blocks that are not the last of their messages.</summary>
    /// <param name="states">The chaining states of the messages.</param>
    /// <param name="counts">Bytes of each message that were compressed so far; not changed.</param>
    /// <param name="messages">Where the blocks of each message are.</param>
    /// <param name="blocks">How many blocks of each.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(ulong** states, ulong* counts, byte** messages, int blocks)
    {
        byte* room = stackalloc byte[(32 + 1) * 64];
        var h = (Vector512<ulong>*)(((nuint)room + 63) & ~(nuint)63);
        Vector512<ulong>* m = h + 8;
        Vector512<ulong>* iv = m + 16;
        for (int word = 0; word < 8; word++)
        {
            iv[word] = Vector512.Create(Blake2bTables.Iv[word]);
        }

        Transpose((byte**)states, 0, h);
        Vector512<ulong> count = Vector512.Load(counts);
        for (nint block = 0; block < blocks; block++)
        {
            Transpose(messages, block * 128, m);
            Transpose(messages, (block * 128) + 64, m + 8);
            count += Vector512.Create(128UL);
            Vector512<ulong> v0 = h[0], v1 = h[1], v2 = h[2], v3 = h[3], v4 = h[4], v5 = h[5], v6 = h[6], v7 = h[7];
            Vector512<ulong> v8 = iv[0], v9 = iv[1], v10 = iv[2], v11 = iv[3];
            Vector512<ulong> v12 = iv[4] ^ count, v13 = iv[5], v14 = iv[6], v15 = iv[7];
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
        byte** rows = stackalloc byte*[8];
        for (int row = 0; row < 8; row++)
        {
            rows[row] = (byte*)(h + row);
        }

        Transpose(rows, 0, m);
        for (int lane = 0; lane < Count; lane++)
        {
            m[lane].Store(states[lane]);
        }
    }

    // The mixing function G of RFC 7693 section 3.1, on eight messages.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void G(
        ref Vector512<ulong> a,
        ref Vector512<ulong> b,
        ref Vector512<ulong> c,
        ref Vector512<ulong> d,
        Vector512<ulong> x,
        Vector512<ulong> y)
    {
        a += x;
        a += b;
        d = Avx512F.RotateRight(d ^ a, 32);
        c += d;
        b = Avx512F.RotateRight(b ^ c, 24);
        a += y;
        a += b;
        d = Avx512F.RotateRight(d ^ a, 16);
        c += d;
        b = Avx512F.RotateRight(b ^ c, 63);
    }

    // Word w of row r becomes word r of column w.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(byte** rows, nint offset, Vector512<ulong>* columns)
    {
        Vector512<ulong> r0 = Vector512.Load((ulong*)(rows[0] + offset));
        Vector512<ulong> r1 = Vector512.Load((ulong*)(rows[1] + offset));
        Vector512<ulong> r2 = Vector512.Load((ulong*)(rows[2] + offset));
        Vector512<ulong> r3 = Vector512.Load((ulong*)(rows[3] + offset));
        Vector512<ulong> r4 = Vector512.Load((ulong*)(rows[4] + offset));
        Vector512<ulong> r5 = Vector512.Load((ulong*)(rows[5] + offset));
        Vector512<ulong> r6 = Vector512.Load((ulong*)(rows[6] + offset));
        Vector512<ulong> r7 = Vector512.Load((ulong*)(rows[7] + offset));

        // Pairs of words, then pairs of pairs, then halves.
        Vector512<ulong> a0 = Avx512F.UnpackLow(r0, r1), a1 = Avx512F.UnpackHigh(r0, r1);
        Vector512<ulong> a2 = Avx512F.UnpackLow(r2, r3), a3 = Avx512F.UnpackHigh(r2, r3);
        Vector512<ulong> a4 = Avx512F.UnpackLow(r4, r5), a5 = Avx512F.UnpackHigh(r4, r5);
        Vector512<ulong> a6 = Avx512F.UnpackLow(r6, r7), a7 = Avx512F.UnpackHigh(r6, r7);

        Vector512<ulong> b0 = Avx512F.Shuffle4x128(a0, a2, 0x88), b1 = Avx512F.Shuffle4x128(a1, a3, 0x88);
        Vector512<ulong> b2 = Avx512F.Shuffle4x128(a0, a2, 0xDD), b3 = Avx512F.Shuffle4x128(a1, a3, 0xDD);
        Vector512<ulong> b4 = Avx512F.Shuffle4x128(a4, a6, 0x88), b5 = Avx512F.Shuffle4x128(a5, a7, 0x88);
        Vector512<ulong> b6 = Avx512F.Shuffle4x128(a4, a6, 0xDD), b7 = Avx512F.Shuffle4x128(a5, a7, 0xDD);

        columns[0] = Avx512F.Shuffle4x128(b0, b4, 0x88);
        columns[1] = Avx512F.Shuffle4x128(b1, b5, 0x88);
        columns[2] = Avx512F.Shuffle4x128(b2, b6, 0x88);
        columns[3] = Avx512F.Shuffle4x128(b3, b7, 0x88);
        columns[4] = Avx512F.Shuffle4x128(b0, b4, 0xDD);
        columns[5] = Avx512F.Shuffle4x128(b1, b5, 0xDD);
        columns[6] = Avx512F.Shuffle4x128(b2, b6, 0xDD);
        columns[7] = Avx512F.Shuffle4x128(b3, b7, 0xDD);
    }
}
