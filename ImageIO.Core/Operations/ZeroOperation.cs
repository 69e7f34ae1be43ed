using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;

namespace ImageIO.Core.Operations;

/// <summary>Makes a range of an image read as zeroes, in steps.</summary>
public sealed class ZeroOperation : IOperation
{
    /// <summary>
    /// Most bytes to zero in one storage call: 128 MiB. Some arrays take minutes for a huge request and run into the
    /// SCSI
    /// timeout. Cancelling and progress work between steps.
    /// </summary>
    public const int StepSize = 128 * 1024 * 1024;

    private readonly ImageHandle _image;
    private readonly ByteRange _range;
    private readonly ZeroMode _mode;
    private readonly bool _flush;
    private readonly CancelFlag _cancel = new();
    private long _done;

    /// <summary>Prepares the zeroing of a range.</summary>
    /// <param name="image">The image, open for writing.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes, 0 or more. May pass the end of an image that can grow.</param>
    /// <param name="limit">Where the ticket ends.</param>
    /// <param name="mode">Whether the space may be given back.</param>
    /// <param name="flush">Whether to make it durable before finishing.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.RangeNotSatisfiable"/>: the range passes the limit, or the end of an image of fixed
    /// size.
    /// <see cref="TransferError.NotSupported"/>: the image cannot be written.
    /// </exception>
    public ZeroOperation(ImageHandle image, long offset, long length, long limit, ZeroMode mode, bool flush)
    {
        ArgumentNullException.ThrowIfNull(image);
        image.RequireWrite();
        RangeCheck.Within(offset, length, limit, "ticket size");
        RangeCheck.WithinLargestImage(offset, length, image.BlockSize);
        if (!image.Capabilities.CanGrow)
        {
            RangeCheck.Within(offset, length, image.KnownSize, "image size");
        }

        _image = image;
        _range = ByteRange.At(offset, length);
        _mode = mode;
        _flush = flush;
    }

    /// <inheritdoc />
    public long Offset => _range.Start;

    /// <inheritdoc />
    public long Done => Interlocked.Read(ref _done);

    /// <inheritdoc />
    public void Cancel() => _cancel.Set();

    /// <summary>Runs the zeroing.</summary>
    /// <exception cref="TransferException">Why the storage failed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            int block = _image.BlockSize;
            long position = _range.Start;
            while (position < _range.End)
            {
                _cancel.ThrowIfSet();
                cancellationToken.ThrowIfCancellationRequested();
                long reached = Alignment.IsAligned(position, block)
                    ? await StepAsync(position, cancellationToken)
                    : await WriteZeroesAsync(
                        position, Math.Min(Alignment.Up(position, block), _range.End), cancellationToken);
                Interlocked.Add(ref _done, reached - position);
                position = reached;
            }
        }
        catch (TransferException e) when (e.Error == TransferError.StorageFull && e.BytesDone is null)
        {
            throw new TransferException(TransferError.StorageFull, e.Message, e) { BytesDone = Done };
        }

        if (_flush)
        {
            _cancel.ThrowIfSet();
            await _image.FlushAsync(cancellationToken);
        }
    }

    // One step from a block boundary. Returns where it ended.
    private async ValueTask<long> StepAsync(long start, CancellationToken cancellationToken)
    {
        long end = start + Math.Min(StepSize, _range.End - start);
        long wholeEnd = Alignment.Down(end, _image.BlockSize);
        long size = await _image.GetSizeAsync(cancellationToken);
        if (end > size || (end == size && wholeEnd < end))
        {
            // This may set the image's size, and a backend reads the size first, so no other writer may write or grow
            // behind it
            // meanwhile. Only here does the backend get a partial last block.
            using RangeLock.Holder held = await _image.Locks.AcquireAsync(
                shared: default, first: new ByteRange(start, long.MaxValue), cancellationToken: cancellationToken);
            if (end >= await _image.GetSizeAsync(cancellationToken) || wholeEnd == end)
            {
                if (await _image.ZeroAsync(start, end - start, _mode, cancellationToken))
                {
                    return end;
                }
            }
        }

        if (wholeEnd == start)
        {
            return await WriteZeroesAsync(start, end, cancellationToken);
        }

        using (await _image.Locks.AcquireAsync(new ByteRange(start, wholeEnd), cancellationToken: cancellationToken))
        {
            // The size under the lock, which does not keep others from growing the image.
            if (wholeEnd <= await _image.GetSizeAsync(cancellationToken)
                && await _image.ZeroAsync(start, wholeEnd - start, _mode, cancellationToken))
            {
                return wholeEnd;
            }
        }

        return await WriteZeroesAsync(
            start, start + Math.Min(_image.Ring.BufferSize, wholeEnd - start), cancellationToken);
    }

    private async ValueTask<long> WriteZeroesAsync(long start, long end, CancellationToken cancellationToken)
    {
        int gap = (int)(start - Alignment.Down(start, _image.BlockSize));
        using AlignedBuffer buffer = _image.Pool.Rent(
            _image.Shared.Buffers, (int)Alignment.Up(gap + end - start, _image.BlockSize));
        int length = (int)Math.Min(end - start, buffer.Length - gap);
        buffer.GetSpan().Slice(gap, length).Clear();
        await WriteOperation.WriteBlocksAsync(_image, buffer, gap, length, start, cancellationToken);
        return start + length;
    }
}
