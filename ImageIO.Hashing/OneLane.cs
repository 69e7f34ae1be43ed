using System.Numerics;
using System.Runtime.CompilerServices;

namespace ImageIO.Hashing;

/// <summary>Compresses the blocks of one message with ordinary instructions: any processor can.</summary>
internal static unsafe class OneLane
{
    /// <summary>Compresses blocks of a message.</summary>
    /// <param name="h">The chaining state, eight words.</param>
    /// <param name="count">Bytes that were compressed after the first of these blocks.</param>
    /// <param name="message">The blocks.</param>
    /// <param name="blocks">How many.</param>
    /// <param name="final">All bits set if this is the message's last block, else 0.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(ulong* h, ulong count, byte* message, int blocks, ulong final)
    {
        ReadOnlySpan<ulong> iv = Blake2bTables.Iv;
        for (; blocks > 0; blocks--, message += Blake2bTables.BlockSize, count += Blake2bTables.BlockSize)
        {
            var m = (ulong*)message;
            ulong v0 = h[0], v1 = h[1], v2 = h[2], v3 = h[3], v4 = h[4], v5 = h[5], v6 = h[6], v7 = h[7];
            ulong v8 = iv[0], v9 = iv[1], v10 = iv[2], v11 = iv[3];
            ulong v12 = iv[4] ^ count, v13 = iv[5], v14 = iv[6] ^ final, v15 = iv[7];
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
    }

    // The mixing function G of RFC 7693 section 3.1.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void G(ref ulong a, ref ulong b, ref ulong c, ref ulong d, ulong x, ulong y)
    {
        a += b + x;
        d = BitOperations.RotateRight(d ^ a, 32);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 24);
        a += b + y;
        d = BitOperations.RotateRight(d ^ a, 16);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 63);
    }
}
