using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;

namespace ImageIO.Core.Operations;

/// <summary>Reads a range of an image and sends it to a client. Reading and sending overlap.</summary>
/// <remarks>Reads ahead of the client by the ring at most, so a slow client keeps the operation running.</remarks>
public sealed class ReadOperation : IOperation
{
    /// <summary>
    /// Bytes given to the client's stream at once. Kestrel copies a whole write into its pipe before it waits for the
    /// socket,
    /// so this limits what a connection holds beside the ring.
    /// </summary>
    internal const int SendSize = 256 * 1024;

    private readonly ImageHandle _image;
    private readonly ByteRange _range;
    private readonly Stream _destination;
    private readonly CancelFlag _cancel = new();
    private readonly WaitClock _storageWait = new();
    private readonly Queue<(Task Read, AlignedBuffer Buffer, int Gap, int Length)> _inFlight = new();
    private long _done;

    /// <summary>Prepares the download of a range.</summary>
    /// <param name="image">The image.</param>
    /// <param name="imageSize">Its size in bytes, as the client was told.</param>
    /// <param name="range">The bytes to send.</param>
    /// <param name="destination">The client.</param>
    /// <exception cref="TransferException"><see cref="TransferError.RangeNotSatisfiable"/>: the range passes the image's end.</exception>
    public ReadOperation(ImageHandle image, long imageSize, ByteRange range, Stream destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        RangeCheck.Within(range.Start, range.Length, imageSize, "image size");
        _image = image;
        _range = range;
        _destination = destination;
    }

    /// <inheritdoc />
    public long Offset => _range.Start;

    /// <inheritdoc />
    public long Done => Interlocked.Read(ref _done);

    /// <inheritdoc />
    public TimeSpan StorageWait => _storageWait.Total;

    /// <inheritdoc />
    public void Cancel() => _cancel.Set();

    /// <summary>Runs the download.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ClientDisconnected"/>, or why the storage failed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            long next = _range.Start;
            while (Done < _range.Length)
            {
                next = await ReadAheadAsync(next, cancellationToken);
                (Task read, AlignedBuffer buffer, int gap, int length) = _inFlight.Peek();
                await _storageWait.WaitAsync(read);
                await SendAsync(buffer.Memory.Slice(gap, length), cancellationToken);
                _inFlight.Dequeue();
                ((IDisposable)buffer).Dispose();
            }
        }
        finally
        {
            // The storage still writes into the buffers of reads in flight. Give them back when it has finished.
            while (_inFlight.TryDequeue(out (Task Read, AlignedBuffer Buffer, int Gap, int Length) rest))
            {
                await rest.Read.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                ((IDisposable)rest.Buffer).Dispose();
            }
        }
    }

    // Starts reads until the ring is full or no buffer is free. At least one is in flight afterwards.
    private async ValueTask<long> ReadAheadAsync(long next, CancellationToken cancellationToken)
    {
        while (next < _range.End && _inFlight.Count < _image.Ring.QueueDepth)
        {
            _cancel.ThrowIfSet();
            long start = Alignment.Down(next, _image.BlockSize);
            long alignedLength = Alignment.Up(_range.End - start, _image.BlockSize);
            int size = (int)Math.Min(alignedLength, _image.Ring.BufferSize);
            AlignedBuffer? buffer;
            if (_inFlight.Count == 0)
            {
                buffer = await _image.Pool.RentAsync(size, cancellationToken);
            }
            else if (!_image.Pool.TryRent(size, out buffer))
            {
                break;
            }

            int gap = (int)(next - start);
            long end = start + size < _range.End
                ? Alignment.PreferredEnd(next, start + size, _image.PreferredBlockSize)
                : _range.End;
            int length = (int)(end - next);
            size = (int)Alignment.Up(end - start, _image.BlockSize);
            // A single read gains nothing from running in parallel.
            bool isAlone = _inFlight.Count == 0 && end == _range.End;
            Task ReadAsync() => this.ReadAsync(buffer.Memory[..size], start, end, cancellationToken);
            _inFlight.Enqueue((isAlone ? ReadAsync() : _image.StartAsync(ReadAsync, cancellationToken), buffer, gap, length));
            next = end;
        }

        return next;
    }

    // Backends read zeroes past the end. If the image has shrunk since its size was promised, these bytes are lost.
    private async Task ReadAsync(Memory<byte> destination, long start, long end, CancellationToken cancellationToken)
    {
        await _image.ReadAsync(destination, start, cancellationToken);
        long size = await _image.GetSizeAsync(cancellationToken);
        if (size < end)
        {
            throw new TransferException(
                TransferError.StorageFailed, $"The image was cut to {size} bytes while {_range} was being read");
        }
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        _cancel.ThrowIfSet();
        for (int sent = 0; sent < bytes.Length;)
        {
            int count = Math.Min(SendSize, bytes.Length - sent);
            try
            {
                await _destination.WriteAsync(bytes.Slice(sent, count), cancellationToken);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                throw new TransferException(
                    TransferError.ClientDisconnected, $"The client took {Done} of {_range.Length} bytes", e);
            }

            sent += count;
            Interlocked.Add(ref _done, count);
        }
    }
}
