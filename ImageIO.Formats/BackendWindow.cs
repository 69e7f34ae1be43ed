using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Formats;

/// <summary>A read-only image that is a range of another one, such as a member of an archive.</summary>
public sealed class BackendWindow : IBackend
{
    private readonly UnalignedAccess _access;
    private readonly long _offset;

    /// <summary>A range of an image, which it owns and closes.</summary>
    /// <param name="backend">The image.</param>
    /// <param name="offset">Start of the range in bytes.</param>
    /// <param name="size">Bytes of the range. Bytes behind the image's end read as zeroes.</param>
    public BackendWindow(IBackend backend, long offset, long size)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, long.MaxValue - offset);
        _access = new UnalignedAccess(backend);
        _offset = offset;
        Size = size;
        Capabilities = new BackendCapabilities { HasZeroExtents = backend.Capabilities.HasZeroExtents };
    }

    /// <inheritdoc />
    public long Size { get; }

    /// <inheritdoc />
    public int BlockSize => 1;

    /// <inheritdoc />
    public BackendCapabilities Capabilities { get; }

    /// <inheritdoc />
    public async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int inside = (int)Math.Clamp(Size - offset, 0, destination.Length);
        if (inside > 0)
        {
            await _access.ReadAsync(destination[..inside], _offset + offset, cancellationToken).ConfigureAwait(false);
        }

        destination.Span[inside..].Clear();
    }

    /// <inheritdoc />
    public ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("A window is for reading.");

    /// <inheritdoc />
    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("A window is for reading.");

    /// <inheritdoc />
    public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <inheritdoc />
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long end = _offset + Size;
        long position = _offset;
        await foreach (Extent extent in _access.Backend.GetExtentsAsync(
            context, cancellationToken).ConfigureAwait(false))
        {
            long start = Math.Max(extent.Range.Start, position);
            long stop = Math.Min(extent.Range.End, end);
            if (start < stop)
            {
                yield return new Extent(new ByteRange(start - _offset, stop - _offset), extent.Flags);
                position = stop;
            }
        }

        if (position < end)
        {
            yield return new Extent(new ByteRange(position - _offset, Size), ExtentFlags.Zero);
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _access.Dispose();
        await _access.Backend.DisposeAsync().ConfigureAwait(false);
    }
}
