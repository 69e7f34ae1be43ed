using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Client;

/// <summary>A local image in memory, with extents as they are given.</summary>
internal sealed class BytesSource(byte[] bytes, params Extent[] extents) : IBackend
{
    public byte[] Bytes => bytes;

    public int Flushes { get; private set; }

    public long Size { get; set; } = bytes.Length;

    public int BlockSize => 1;

    public BackendCapabilities Capabilities { get; } = new() { CanWrite = true, CanZero = true, HasZeroExtents = true };

    public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int inside = (int)Math.Clamp(bytes.Length - offset, 0, destination.Length);
        bytes.AsMemory((int)Math.Min(offset, bytes.Length), inside).CopyTo(destination);
        destination.Span[inside..].Clear();
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        source.CopyTo(bytes.AsMemory((int)offset));
        return ValueTask.CompletedTask;
    }

    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        bytes.AsSpan((int)offset, (int)length).Clear();
        return ValueTask.FromResult(true);
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        Flushes++;
        return ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        foreach (Extent extent in extents.Length > 0 ? extents : [new Extent(
            new ByteRange(0, bytes.Length), ExtentFlags.None)])
        {
            yield return extent;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
