using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Backends.Rbd.Images;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Rbd;

/// <summary>An image of a Ceph cluster. Holds no thread while the cluster works.</summary>
internal sealed partial class RbdBackend : IBackend
{
    // 1 MiB writes at offsets that are no multiple of it cost BlueStore up to a fifth.
    private const int Preferred = 64 * 1024;

    private readonly OpenImage _image;
    private readonly RbdSettings _settings;
    private readonly Action _closed;
    private readonly FastDiff _fastDiff;

    /// <param name="image">The image, which becomes the backend's.</param>
    /// <param name="access">What it is opened for.</param>
    /// <param name="settings">Time limits, and which extents trust object maps.</param>
    /// <param name="closed">Called when it is closed.</param>
    public RbdBackend(OpenImage image, ImageAccess access, RbdSettings settings, Action closed)
    {
        _image = image;
        _settings = settings;
        _closed = closed;
        _fastDiff = settings.FastDiff;
        Capabilities = new BackendCapabilities
        {
            CanWrite = access.Write,
            CanZero = access.Write,
            CanGrow = false,
            HasZeroExtents = true,
            HasDirtyExtents = image.FromSnapshot is not null,
        };
    }

    /// <inheritdoc />
    public long Size => _image.Size;

    /// <inheritdoc />
    public int BlockSize => 1;

    /// <inheritdoc />
    public int PreferredBlockSize => Preferred;

    /// <inheritdoc />
    public bool MayBlock => false;

    /// <inheritdoc />
    public string Identity => _image.Identity;

    /// <inheritdoc />
    // The whole cluster: its pools share their devices and monitors.
    public string Storage => _image.Place.Connection.Fsid;

    /// <inheritdoc />
    public BackendCapabilities Capabilities { get; }

    // How long a call takes at most, where the cluster does not answer and librbd waits for a lock as well.
    private TimeSpan Longest => (_settings.OperationTimeout * 2) + TimeSpan.FromSeconds(30);

    /// <inheritdoc />
    public async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int inside = (int)Math.Clamp(Size - offset, 0, destination.Length);
        int read = 0;
        if (inside > 0)
        {
            read = (int)await Completion.Read(_image.Handle, destination[..inside], offset);
            ThrowIfError("rbd_aio_read", offset, inside, read);
        }

        // It was cut meanwhile where fewer bytes came. A snapshot that was removed has no size, or reads as zeroes.
        destination.Span[read..].Clear();
        if (_image.WhenReading is { } check
            && (read < destination.Length || _image.Layout.HasZeroPart(destination.Span, offset)))
        {
            await check.ConfirmAsync();
        }
    }

    /// <inheritdoc />
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        if (source.IsEmpty)
        {
            return;
        }

        RequireInside("write", offset, source.Length);
        ThrowIfError("rbd_aio_write", offset, source.Length, await Completion.Write(_image.Handle, source, offset));
        RequireInside("write", offset, source.Length);
    }

    /// <inheritdoc />
    public async ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        RequireInside("zero", offset, length);
        int flags = mode == ZeroMode.Allocate ? LibRbd.ThickProvision : 0;
        ThrowIfError(
            "rbd_aio_write_zeroes",
            offset,
            length,
            await InTimeAsync("rbd_aio_write_zeroes", Completion.WriteZeroes(_image.Handle, offset, length, flags)));
        RequireInside("zero", offset, length);
        return true;
    }

    /// <inheritdoc />
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        long result = await InTimeAsync("rbd_aio_flush", Completion.Flush(_image.Handle));
        if (result < 0)
        {
            throw _image.Failure("rbd_aio_flush", result);
        }
    }

    /// <summary>Closes the image, whatever became of the writes that a cache has kept, and tells of these.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            // librbd's close reports success where a cache could not write back.
            if (_image.HasCache && Capabilities.CanWrite)
            {
                await FlushAsync(CancellationToken.None);
            }
        }
        finally
        {
            await CloseAsync();
        }
    }

    private async Task CloseAsync()
    {
        _image.Handle.Dispose();
        Task<long> closing = EndAsync();
        try
        {
            long result = await closing.WaitAsync(_settings.OperationTimeout * 3, _settings.Time);
            if (result < 0)
            {
                throw _image.Failure("rbd_aio_close", result);
            }
        }
        catch (TimeoutException e)
        {
            throw new TransferException(
                TransferError.StorageFailed,
                $"rbd_aio_close on {_image.Description} did not end within "
                    + $"{_settings.OperationTimeout.TotalSeconds * 3} s",
                e);
        }
    }

    private async Task<long> EndAsync()
    {
        long result = await _image.Handle.Closed;
        _image.Place.Dispose();
        _closed();
        return result;
    }

    // librbd cuts a write that passes the end, and reports success.
    private void RequireInside(string what, long offset, long length)
    {
        long size = Size;
        if (offset + length > size)
        {
            throw new TransferException(
                TransferError.StorageFailed,
                $"{_image.Description} was cut to {size} bytes, so the {what} at {offset}+{length} does not fit");
        }
    }

    private void ThrowIfError(string call, long offset, long length, long result)
    {
        if (result < 0)
        {
            throw _image.Failure($"{call} at {offset}+{length}", result);
        }
    }

    // For calls without a buffer of the caller's: it is given up at the limit, and librbd ends it when it can.
    private async Task<T> InTimeAsync<T>(string call, Task<T> running)
    {
        try
        {
            return await running.WaitAsync(Longest, _settings.Time);
        }
        catch (TimeoutException e)
        {
            throw new TransferException(
                TransferError.StorageFailed,
                $"{call} on {_image.Description} did not end within {Longest.TotalSeconds} s",
                e);
        }
    }
}
