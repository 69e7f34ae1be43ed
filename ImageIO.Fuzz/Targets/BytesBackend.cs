using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Fuzz.Targets;

/// <summary>The bytes of an input as a read-only image.</summary>
internal sealed class BytesBackend(byte[] bytes) : IBackend
{
    public long Size => bytes.Length;

    public int BlockSize => 1;

    public BackendCapabilities Capabilities { get; } = new();

    public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        FuzzTarget.MustHold(offset >= 0, "no offset is negative");
        int start = (int)Math.Min(offset, bytes.Length);
        int length = Math.Min(destination.Length, bytes.Length - start);
        bytes.AsSpan(start, length).CopyTo(destination.Span);
        destination.Span[length..].Clear();
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("This is for reading.");

    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("This is for reading.");

    public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        if (bytes.Length > 0)
        {
            yield return new Extent(new ByteRange(0, bytes.Length), ExtentFlags.None);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
