using System.Runtime.Intrinsics.X86;

namespace ImageIO.Hashing;

/// <summary>Chooses the code that suits the processor and the number of messages.</summary>
internal static unsafe class Kernels
{
    /// <summary>The best that this processor has, and machine code that was compiled beforehand may use.</summary>
    public static Instructions Best =>
        Avx512F.VL.IsSupported ? Instructions.Avx512
        : Avx2.IsSupported ? Instructions.Avx2
        : Instructions.Plain;

    /// <summary>How many messages are hashed at once where there are enough.</summary>
    public static int LanesOf(Instructions instructions) => instructions switch
    {
        Instructions.Avx512 => EightLanes.Count,
        Instructions.Avx2 => FourLanes<RotationsAvx2>.Count,
        _ => 1,
    };

    /// <inheritdoc cref="OneLane.Compress" />
    public static void CompressOne(
        Instructions instructions, ulong* h, ulong count, byte* message, int blocks, ulong final)
    {
        switch (instructions)
        {
            case Instructions.Avx512:
                OneLaneRows<RotationsAvx512>.Compress(h, count, message, blocks, final);
                break;
            case Instructions.Avx2:
                OneLaneRows<RotationsAvx2>.Compress(h, count, message, blocks, final);
                break;
            default:
                OneLane.Compress(h, count, message, blocks, final);
                break;
        }
    }

    /// <summary>Compresses blocks of several messages, none of them the last of its message.</summary>
    /// <param name="instructions">The processor's instructions that may be used.</param>
    /// <param name="lanes">Number of messages.</param>
    /// <param name="states">Their chaining states; room for eight more pointers.</param>
    /// <param name="counts">Bytes of each that were compressed so far; room for eight more.</param>
    /// <param name="messages">Their blocks; room for eight more pointers.</param>
    /// <param name="blocks">Number of blocks of each.</param>
    public static void Compress(
        Instructions instructions, int lanes, ulong** states, ulong* counts, byte** messages, int blocks)
    {
        ulong* nowhere = stackalloc ulong[Blake2bTables.StateWords];
        for (int lane = 0; lane < lanes;)
        {
            int left = lanes - lane;

            // Eight lanes cost 2.1 times as much as one, four 1.6 times, so it pays to leave some of them unused.
            int width = left == 1 || instructions == Instructions.Plain ? 1
                : left > FourLanes<RotationsAvx2>.Count && instructions == Instructions.Avx512 ? EightLanes.Count
                : FourLanes<RotationsAvx2>.Count;
            for (int unused = left; unused < width; unused++)
            {
                states[lane + unused] = nowhere;
                messages[lane + unused] = messages[lane];
            }

            switch (width)
            {
                case 1:
                    ulong first = counts[lane] + Blake2bTables.BlockSize;
                    CompressOne(instructions, states[lane], first, messages[lane], blocks, final: 0);
                    break;
                case EightLanes.Count:
                    EightLanes.Compress(states + lane, counts + lane, messages + lane, blocks);
                    break;
                default:
                    CompressFour(instructions, states + lane, counts + lane, messages + lane, blocks);
                    break;
            }

            lane += width;
        }
    }

    private static void CompressFour(
        Instructions instructions, ulong** states, ulong* counts, byte** messages, int blocks)
    {
        if (instructions == Instructions.Avx512)
        {
            FourLanes<RotationsAvx512>.Compress(states, counts, messages, blocks);
        }
        else
        {
            FourLanes<RotationsAvx2>.Compress(states, counts, messages, blocks);
        }
    }
}
