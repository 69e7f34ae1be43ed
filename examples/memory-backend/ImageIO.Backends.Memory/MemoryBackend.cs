using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Memory;

/// <summary>One handle on a disk in memory.</summary>
/// <remarks>
/// Its block is a whole chunk, so every call begins at a chunk and no two writers share one: what clients send in other
/// pieces, ImageIO has patched together before.
/// </remarks>
internal sealed class MemoryBackend(MemoryDisk disk, bool canWrite) : IBackend
{
    public long Size => disk.Size;

    // The largest that there is.
    public int BlockSize => 64 * 1024;

    public BackendCapabilities Capabilities { get; } = new()
    {
        CanWrite = canWrite,
        CanZero = canWrite,
        CanGrow = canWrite,
        HasZeroExtents = true,
    };

    public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        for (; !destination.IsEmpty; destination = destination[BlockSize..], offset += BlockSize)
        {
            // A missing chunk is a hole, or past the end.
            Span<byte> part = destination.Span[..BlockSize];
            if (disk.Chunks.TryGetValue(offset / BlockSize, out byte[]? chunk))
            {
                chunk.CopyTo(part);
            }
            else
            {
                part.Clear();
            }
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        long end = offset + source.Length;
        for (; !source.IsEmpty; offset += BlockSize)
        {
            // Only the image's last chunk is short, and zeroes follow it.
            byte[] chunk = new byte[BlockSize];
            int length = Math.Min(source.Length, BlockSize);
            source[..length].CopyTo(chunk);
            disk.Chunks[offset / BlockSize] = chunk;
            source = source[length..];
        }

        disk.GrowTo(end);
        return ValueTask.CompletedTask;
    }

    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        long end = offset + length;
        for (; offset < end; offset += BlockSize)
        {
            if (mode == ZeroMode.Deallocate)
            {
                disk.Chunks.TryRemove(offset / BlockSize, out _);
            }
            else
            {
                disk.Chunks[offset / BlockSize] = new byte[BlockSize];
            }
        }

        disk.GrowTo(end);
        return ValueTask.FromResult(true);
    }

    // Memory is never durable, so there is nothing to wait for.
    public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        long size = Size;
        for (long start = 0; start < size; start += BlockSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return new Extent(
                new ByteRange(start, Math.Min(start + BlockSize, size)),
                disk.Chunks.ContainsKey(start / BlockSize) ? ExtentFlags.None : ExtentFlags.Zero);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
