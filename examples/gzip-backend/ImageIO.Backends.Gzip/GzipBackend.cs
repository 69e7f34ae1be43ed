using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Gzip;

/// <summary>A compressed image, open for reading.</summary>
internal sealed class GzipBackend(string path, GzipReader reader, long size) : IBackend
{
    public long Size => size;

    // Any range will do: nothing here has blocks.
    public int BlockSize => 1;

    // One decompressor: ImageIO lets further reads wait, so there is no need for a lock.
    public BackendCapabilities Capabilities { get; } = new() { MaxReaders = 1 };

    public ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int inside = (int)Math.Clamp(size - offset, 0, destination.Length);
        try
        {
            reader.Read(destination.Span[..inside], offset);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new TransferException(
                TransferError.StorageFailed, $"Cannot read {inside} bytes at {offset} of {path}: {e.Message}", e);
        }

        destination.Span[inside..].Clear();
        return ValueTask.CompletedTask;
    }

    // Which parts are zero is only known when they are decompressed: everything is data.
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        cancellationToken.ThrowIfCancellationRequested();
        if (size > 0)
        {
            yield return new Extent(new ByteRange(0, size), ExtentFlags.None);
        }
    }

    // The capabilities do not offer what changes an image, so ImageIO never calls these.
    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask FlushAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync()
    {
        reader.Dispose();
        return ValueTask.CompletedTask;
    }
}
