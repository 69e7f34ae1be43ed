using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Support;

/// <summary>
/// An image of any size for reading: zeroes, but for some ranges in which every 8 bytes tell their own offset.
/// </summary>
/// <param name="size">Bytes.</param>
/// <param name="data">The ranges, ascending and aligned to 8 bytes.</param>
internal sealed class SparseBackend(long size, params ByteRange[] data) : IBackend
{
    /// <summary>Called before each read with its offset.</summary>
    public Func<long, Task>? BeforeRead { get; init; }

    /// <summary>Where reads began.</summary>
    public ConcurrentBag<long> Reads { get; } = [];

    public long Size => size;

    public int BlockSize => 512;

    public bool MayBlock => false;

    public BackendCapabilities Capabilities { get; } = new() { HasZeroExtents = true };

    /// <summary>What is stored in a range of data.</summary>
    public static void Fill(Span<byte> destination, long offset)
    {
        Span<long> words = MemoryMarshal.Cast<byte, long>(destination);
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = ~(offset + (8L * i));
        }
    }

    public async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        Reads.Add(offset);
        if (BeforeRead is not null)
        {
            await BeforeRead(offset);
        }

        destination.Span.Clear();
        foreach (ByteRange range in data)
        {
            long start = Math.Max(range.Start, offset);
            long end = Math.Min(range.End, offset + destination.Length);
            if (start < end)
            {
                Fill(destination.Span[(int)(start - offset)..(int)(end - offset)], start);
            }
        }
    }

    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        long position = 0;
        foreach (ByteRange range in data)
        {
            if (range.Start > position)
            {
                yield return new Extent(new ByteRange(position, range.Start), ExtentFlags.Zero | ExtentFlags.Hole);
            }

            yield return new Extent(range, ExtentFlags.None);
            position = range.End;
        }

        if (position < size)
        {
            yield return new Extent(new ByteRange(position, size), ExtentFlags.Zero | ExtentFlags.Hole);
        }
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask FlushAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
