using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;

namespace ImageIO.Core.Operations;

/// <summary>Reads a range of an image and sends it to a client. Reading and sending overlap.</summary>
/// <remarks>
/// Reads ahead of the client by the ring at most, so a slow client keeps the operation running. When the pool asks for
/// the buffers that wait for the client, the operation gives them back and reads their bytes again later.
/// </remarks>
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
    private readonly BufferRing _ring;
    private long _done;

    // Set by Recall, on any thread.
    private volatile bool _isRecalled;
    private bool _wasRecalled;

    /// <summary>Prepares the download of a range.</summary>
    /// <param name="image">The image.</param>
    /// <param name="imageSize">Its size in bytes, as the client was told.</param>
    /// <param name="range">The bytes to send.</param>
    /// <param name="destination">The client.</param>
    /// <exception cref="TransferException"><see cref="TransferError.RangeNotSatisfiable"/>: the range passes the
    /// image's end.</exception>
    public ReadOperation(ImageHandle image, long imageSize, ByteRange range, Stream destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        RangeCheck.Within(range.Start, range.Length, imageSize, "image size");
        _image = image;
        _range = range;
        _destination = destination;
        _ring = new BufferRing(image, Recall);
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
    /// <exception cref="TransferException"><see cref="TransferError.ClientDisconnected"/>, or why the storage
    /// failed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            long next = _range.Start;
            while (Done < _range.Length)
            {
                next = ReadAhead(next, cancellationToken);
                RingSlot oldest = _ring.Oldest;
                await _storageWait.WaitAsync(oldest.Call);
                if (await SendAsync(oldest.Buffer!.Memory.Slice(oldest.Gap, oldest.Length), cancellationToken))
                {
                    _ring.RemoveOldest();
                }
                else
                {
                    await _ring.DrainAsync();
                    next = _range.Start + Done;
                }
            }

            if (_wasRecalled)
            {
                // The last bytes may still wait for the client, somewhere on their way.
                await SendSomeAsync(default, _ring.Now, cancellationToken);
            }
        }
        finally
        {
            // The storage still writes into the buffers of reads in flight. Give them back when it has finished.
            await _ring.DrainAsync();
        }
    }

    // Starts reads until the ring is full. At least one is in flight afterwards.
    private long ReadAhead(long next, CancellationToken cancellationToken)
    {
        while (next < _range.End)
        {
            _cancel.ThrowIfSet();
            long start = Alignment.Down(next, _image.BlockSize);
            if (_ring.TryTake(Alignment.Up(_range.End - start, _image.BlockSize)) is not { } buffer)
            {
                break;
            }

            int gap = (int)(next - start);
            long reach = start + Math.Min(buffer.Length, _image.Ring.BufferSize);
            long end = reach < _range.End
                ? Alignment.PreferredEnd(next, reach, _image.PreferredBlockSize)
                : _range.End;
            int size = (int)Alignment.Up(end - start, _image.BlockSize);
            // A single read gains nothing from running in parallel.
            bool isAlone = _ring.Count == 0 && end == _range.End;
            Task ReadAsync() => this.ReadAsync(buffer.Memory[..size], start, end, cancellationToken);
            Task read = isAlone ? ReadAsync() : _image.StartAsync(ReadAsync, cancellationToken);
            _ring.Add(new RingSlot(read, buffer, gap, (int)(end - next)));
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

    // False: the pool has asked for the buffers. The client may have taken only a part of this one.
    private async ValueTask<bool> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        _cancel.ThrowIfSet();
        long started = _ring.Now;
        while (!bytes.IsEmpty)
        {
            int sent = await SendSomeAsync(bytes[..Math.Min(SendSize, bytes.Length)], started, cancellationToken);
            Interlocked.Add(ref _done, sent);
            bytes = bytes[sent..];
            if (_isRecalled)
            {
                _isRecalled = false;
                _wasRecalled = true;
                _ring.NoteRecall();
                return false;
            }
        }

        _ring.NoteClientMoved(started);
        return true;
    }

    private async ValueTask<int> SendSomeAsync(
        ReadOnlyMemory<byte> bytes, long since, CancellationToken cancellationToken)
    {
        try
        {
            ValueTask<int> sending = StartSending(bytes, cancellationToken);
            if (sending.IsCompleted)
            {
                return sending.GetAwaiter().GetResult();
            }

            _ring.ClientWaitStarts(since);
            return await sending;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            throw new TransferException(
                TransferError.ClientDisconnected, $"The client took {Done} of {_range.Length} bytes", e);
        }
        finally
        {
            _ring.ClientWaitEnded();
        }
    }

    private ValueTask<int> StartSending(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        _destination is IInterruptibleStream client
            ? client.SendAsync(bytes, cancellationToken)
            : WriteAsync(bytes, cancellationToken);

    private async ValueTask<int> WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await _destination.WriteAsync(bytes, cancellationToken);
        return bytes.Length;
    }

    private void Recall()
    {
        _isRecalled = true;
        (_destination as IInterruptibleStream)?.Interrupt();
    }
}
