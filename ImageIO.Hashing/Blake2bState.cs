using System.Runtime.InteropServices;

namespace ImageIO.Hashing;

/// <summary>The state of one message's hash.</summary>
internal unsafe struct Blake2bState
{
    /// <summary>The chaining state.</summary>
    public fixed ulong H[Blake2bTables.StateWords];

    /// <summary>
    /// The last bytes, up to a whole block. Only a further byte, or the end, tells whether this block is the last one.
    /// </summary>
    public fixed byte Tail[Blake2bTables.BlockSize];

    /// <summary>Bytes that were compressed.</summary>
    public ulong Count;

    /// <summary>Bytes in <see cref="Tail"/>.</summary>
    public int TailLength;

    /// <summary>The state of an empty message, without key, salt or tree (RFC 7693 section 2.5).</summary>
    /// <param name="digestSize">Bytes of the digest.</param>
    public static Blake2bState Begin(int digestSize)
    {
        var state = default(Blake2bState);
        Blake2bTables.Iv.CopyTo(new Span<ulong>(state.H, Blake2bTables.StateWords));
        state.H[0] ^= 0x0101_0000 ^ (ulong)digestSize;
        return state;
    }

    /// <summary>Hashes more bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes, Instructions instructions)
    {
        fixed (byte* message = bytes, tail = Tail)
        fixed (ulong* h = H)
        {
            int taken = FillTail(message, bytes.Length);
            if (taken == bytes.Length)
            {
                return;
            }

            Count += Blake2bTables.BlockSize;
            Kernels.CompressOne(instructions, h, Count, tail, blocks: 1, final: 0);
            int blocks = (bytes.Length - taken - 1) / Blake2bTables.BlockSize;
            Kernels.CompressOne(instructions, h, Count + Blake2bTables.BlockSize, message + taken, blocks, final: 0);
            Count += (ulong)blocks * Blake2bTables.BlockSize;
            taken += blocks * Blake2bTables.BlockSize;
            TailLength = 0;
            FillTail(message + taken, bytes.Length - taken);
        }
    }

    /// <summary>Takes bytes until the tail is full.</summary>
    /// <returns>How many.</returns>
    public int FillTail(byte* message, int length)
    {
        int taken = Math.Min(length, Blake2bTables.BlockSize - TailLength);
        fixed (byte* tail = Tail)
        {
            new ReadOnlySpan<byte>(message, taken).CopyTo(new Span<byte>(tail + TailLength, taken));
        }

        TailLength += taken;
        return taken;
    }

    /// <summary>Writes the digest of what was appended.</summary>
    public void Finish(Span<byte> digest, Instructions instructions)
    {
        fixed (byte* tail = Tail)
        fixed (ulong* h = H)
        {
            new Span<byte>(tail + TailLength, Blake2bTables.BlockSize - TailLength).Clear();
            Kernels.CompressOne(instructions, h, Count + (ulong)TailLength, tail, blocks: 1, final: ulong.MaxValue);
            MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(h, Blake2bTables.StateWords))[..digest.Length].CopyTo(digest);
        }
    }
}
