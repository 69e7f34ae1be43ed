using System.Buffers;

namespace ImageIO.Hashing;

/// <summary>
/// BLAKE2b of several messages side by side, each in a lane of the processor's vectors: two to four times as fast as
/// one after the other. Used by one thread at a time.
/// </summary>
public sealed unsafe class Blake2bLanes
{
    // The state after each 64 KiB of zeroes is kept, so that zeroes at the start of a message cost a copy.
    private const int ZeroStep = 64 * 1024;

    private static readonly byte[] Zeroes = new byte[ZeroStep];

    private readonly Instructions _instructions;
    private readonly Blake2bState[] _states;
    private readonly List<Blake2bState> _zeroStates;

    /// <summary>Begins the messages.</summary>
    /// <param name="digestSize">Bytes of each digest, 1 to <see cref="Blake2b.LargestDigest"/>.</param>
    public Blake2bLanes(int digestSize)
        : this(digestSize, Kernels.Best)
    {
    }

    /// <param name="digestSize">Bytes of each digest.</param>
    /// <param name="instructions">The processor's instructions that may be used.</param>
    internal Blake2bLanes(int digestSize, Instructions instructions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(digestSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(digestSize, Blake2b.LargestDigest);
        DigestSize = digestSize;
        _instructions = instructions;
        _states = new Blake2bState[Kernels.LanesOf(instructions)];
        _zeroStates = [Blake2bState.Begin(digestSize)];
        Array.Fill(_states, _zeroStates[0]);
    }

    /// <summary>Bytes of each digest.</summary>
    public int DigestSize { get; }

    /// <summary>How many messages: what the processor hashes at once.</summary>
    public int Count => _states.Length;

    /// <summary>Hashes more bytes of some messages. Fastest where the pieces are equally long.</summary>
    /// <param name="pieces">For each lane, from the first on; an empty piece changes nothing.</param>
    public void Append(ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pieces.Length, Count);
        byte** from = stackalloc byte*[EightLanes.Count];
        int* left = stackalloc int[EightLanes.Count];
        var pins = default(Pins);
        try
        {
            for (int lane = 0; lane < pieces.Length; lane++)
            {
                pins[lane] = pieces[lane].Pin();
                from[lane] = (byte*)pins[lane].Pointer;
                left[lane] = pieces[lane].Length;
            }

            fixed (Blake2bState* states = _states)
            {
                Append(states, from, left, pieces.Length);
            }
        }
        finally
        {
            for (int lane = 0; lane < pieces.Length; lane++)
            {
                pins[lane].Dispose();
            }
        }
    }

    /// <summary>Hashes zeroes of one message; at its start they cost next to nothing.</summary>
    public void AppendZeroes(int lane, long count)
    {
        ref Blake2bState state = ref _states[lane];
        if (state is { Count: 0, TailLength: 0 })
        {
            int steps = (int)(count / ZeroStep);
            while (_zeroStates.Count <= steps)
            {
                Blake2bState next = _zeroStates[^1];
                next.Append(Zeroes, _instructions);
                _zeroStates.Add(next);
            }

            state = _zeroStates[steps];
            count %= ZeroStep;
        }

        for (; count > 0; count -= Math.Min(count, ZeroStep))
        {
            state.Append(Zeroes.AsSpan(0, (int)Math.Min(count, ZeroStep)), _instructions);
        }
    }

    /// <summary>Writes the digest of a lane's message, and begins a new one there.</summary>
    /// <param name="lane">Which.</param>
    /// <param name="digest">Of <see cref="DigestSize"/> bytes or more; those after the digest are not touched.</param>
    public void Finish(int lane, Span<byte> digest)
    {
        _states[lane].Finish(digest[..DigestSize], _instructions);
        _states[lane] = _zeroStates[0];
    }

    private void Append(Blake2bState* states, byte** from, int* left, int lanes)
    {
        for (int lane = 0; lane < lanes; lane++)
        {
            Take(from, left, lane, states[lane].FillTail(from[lane], left[lane]));
        }

        // Full tails that are not the end, as if they were pieces; then what all remaining lanes have in common.
        Compress(states, from, left, lanes, tails: true);
        while (Compress(states, from, left, lanes, tails: false))
        {
        }

        for (int lane = 0; lane < lanes; lane++)
        {
            if (left[lane] > 0)
            {
                states[lane].TailLength = 0;
                states[lane].FillTail(from[lane], left[lane]);
            }
        }
    }

    // False: no lane had a block to compress. Afterwards each lane that had has at least a byte left for its tail.
    private bool Compress(Blake2bState* states, byte** from, int* left, int lanes, bool tails)
    {
        ulong** h = stackalloc ulong*[2 * EightLanes.Count];
        byte** messages = stackalloc byte*[2 * EightLanes.Count];
        ulong* counts = stackalloc ulong[2 * EightLanes.Count];
        int* which = stackalloc int[EightLanes.Count];
        int smallest = tails ? 0 : Blake2bTables.BlockSize;
        int busy = 0;
        int length = int.MaxValue;
        for (int lane = 0; lane < lanes; lane++)
        {
            if (left[lane] > smallest)
            {
                h[busy] = states[lane].H;
                messages[busy] = tails ? states[lane].Tail : from[lane];
                counts[busy] = states[lane].Count;
                length = Math.Min(length, left[lane] - 1);
                which[busy++] = lane;
            }
        }

        if (busy == 0)
        {
            return false;
        }

        int blocks = tails ? 1 : length / Blake2bTables.BlockSize;
        Kernels.Compress(_instructions, busy, h, counts, messages, blocks);
        for (int index = 0; index < busy; index++)
        {
            states[which[index]].Count += (ulong)blocks * Blake2bTables.BlockSize;
            Take(from, left, which[index], tails ? 0 : blocks * Blake2bTables.BlockSize);
        }

        return true;
    }

    private static void Take(byte** from, int* left, int lane, int length)
    {
        from[lane] += length;
        left[lane] -= length;
    }

    [System.Runtime.CompilerServices.InlineArray(EightLanes.Count)]
    private struct Pins
    {
        private MemoryHandle _first;
    }
}
