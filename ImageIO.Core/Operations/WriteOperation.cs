using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;

namespace ImageIO.Core.Operations;

/// <summary>Receives bytes from a client and writes them to an image. Receiving and writing overlap.</summary>
/// <remarks>
/// <code>
///   client ──▶ buffer 1 ─┐                 1. rent a buffer (none free: do not read from the client)
///   client ──▶ buffer 2 ─┼─▶ storage      2. fill it from the client, to the next buffer boundary of the image
///   client ──▶ buffer 3 ─┘                 3. start writing it, and go on with the next
///                                          4. when the ring is full, await the oldest
/// </code>
/// </remarks>
public sealed class WriteOperation : IOperation
{
    private readonly ImageHandle _image;
    private readonly Stream _source;
    private readonly long? _length;
    private readonly long _limit;
    private readonly bool _flush;
    private readonly CancelFlag _cancel = new();
    private readonly WaitClock _storageWait = new();
    private readonly Queue<(Task Write, int Length)> _inFlight = new();
    private long _done;

    // Why the client's stream broke. Reported after the bytes before it are written.
    private IOException? _failure;

    /// <summary>Prepares the upload of a range.</summary>
    /// <param name="image">The image, open for writing.</param>
    /// <param name="offset">Where the first byte goes.</param>
    /// <param name="length">Bytes that the client announced. Null: until the source ends.</param>
    /// <param name="limit">Where the ticket ends: no byte is written at or past it.</param>
    /// <param name="source">The client. Its end before <paramref name="length"/> bytes is a failure.</param>
    /// <param name="flush">Whether to make the data durable before finishing.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.RangeNotSatisfiable"/>: the range passes the limit, or the end of an image of fixed size.
    /// <see cref="TransferError.NotSupported"/>: the image cannot be written.
    /// </exception>
    public WriteOperation(ImageHandle image, long offset, long? length, long limit, Stream source, bool flush)
    {
        ArgumentNullException.ThrowIfNull(image);
        image.RequireWrite();
        _image = image;
        _source = source;
        _length = length;
        _limit = image.Capabilities.CanGrow ? limit : Math.Min(limit, image.KnownSize);
        _flush = flush;
        Offset = offset;
        RangeCheck.Within(offset, length ?? 0, limit, "ticket size");
        RangeCheck.Within(offset, length ?? 0, _limit, "image size");
        RangeCheck.WithinLargestImage(offset, length ?? 0, image.BlockSize);
    }

    /// <inheritdoc />
    public long Offset { get; }

    /// <inheritdoc />
    public long Done => Interlocked.Read(ref _done);

    /// <inheritdoc />
    public TimeSpan StorageWait => _storageWait.Total;

    /// <inheritdoc />
    public void Cancel() => _cancel.Set();

    /// <summary>Runs the upload.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.ClientDisconnected"/>: fewer bytes came than were announced. Those are written, but not
    /// flushed. Or the reason why the storage failed.
    /// </exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ReceiveAsync();
            await DrainAsync();
        }
        catch (TransferException e) when (e.Error == TransferError.StorageFull && e.BytesDone is null)
        {
            throw new TransferException(TransferError.StorageFull, e.Message, e) { BytesDone = Done };
        }
        finally
        {
            // After a failure other buffers may still be in flight. They must be written and given back before the
            // image can be
            // closed. Their own failures add no information.
            while (_inFlight.TryDequeue(out (Task Write, int Length) rest))
            {
                await rest.Write.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        if (_flush)
        {
            _cancel.ThrowIfSet();
            await _storageWait.WaitAsync(_image.FlushAsync(cancellationToken).AsTask());
        }
    }

    private async Task ReceiveAsync()
    {
        long position = Offset;
        while (_length is null || position < Offset + _length)
        {
            _cancel.ThrowIfSet();
            long wanted = _length is null ? long.MaxValue : Offset + _length.Value - position;
            int gap = (int)(position - Alignment.Down(position, _image.BlockSize));
            AlignedBuffer buffer = await RentAsync(wanted, gap);
            int filled;
            try
            {
                int capacity = Math.Min(buffer.Length, _image.Ring.BufferSize) - gap;
                int room = wanted <= capacity
                    ? (int)wanted
                    : (int)(Alignment.PreferredEnd(position, position + capacity, _image.PreferredBlockSize) - position);
                filled = await FillAsync(buffer.Memory.Slice(gap, room), position);
            }
            catch
            {
                ((IDisposable)buffer).Dispose();
                throw;
            }

            if (filled == 0)
            {
                ((IDisposable)buffer).Dispose();
                break;
            }

            // The last write gains nothing from running in parallel.
            bool isLast = _length is not null && position + filled == Offset + _length;
            _inFlight.Enqueue((WriteAndReturnAsync(buffer, gap, filled, position, isLast), filled));
            position += filled;
            if (_failure is not null)
            {
                break;
            }
        }

        if (_failure is not null || (_length is not null && position < Offset + _length))
        {
            await DrainAsync();
            throw new TransferException(
                TransferError.ClientDisconnected,
                _length is null
                    ? $"The client's body broke after {position - Offset} bytes"
                    : $"The client sent {position - Offset} of {_length} bytes",
                _failure);
        }
    }

    private async ValueTask<int> FillAsync(Memory<byte> room, long position)
    {
        int filled = 0;
        while (filled < room.Length)
        {
            int received;
            try
            {
                // Not cancelled when the client disconnects: bytes that it sent before may still be in the server's
                // buffers, and the
                // stream ends or breaks behind them.
                received = await _source.ReadAsync(room[filled..], CancellationToken.None);
            }
            catch (IOException e)
            {
                _failure = e;
                return filled;
            }
            catch (OperationCanceledException e)
            {
                _failure = new IOException("The connection was closed", e);
                return filled;
            }

            if (received == 0)
            {
                return filled;
            }

            filled += received;
            if (_length is null)
            {
                RangeCheck.Within(position, filled, _limit, "ticket or image size");
            }
        }

        return filled;
    }

    private async ValueTask<AlignedBuffer> RentAsync(long wanted, int gap)
    {
        int size = (int)Math.Min(Alignment.Up(Math.Min(wanted, int.MaxValue) + gap, _image.BlockSize), _image.Ring.BufferSize);
        while (_inFlight.TryPeek(out (Task Write, int Length) oldest))
        {
            if (oldest.Write.IsCompleted)
            {
                await ReapAsync();
            }
            else if (_inFlight.Count < _image.Ring.QueueDepth && _image.Pool.TryRent(size, out AlignedBuffer? buffer))
            {
                return buffer;
            }
            else
            {
                await ReapAsync();
            }
        }

        return await _image.Pool.RentAsync(size, CancellationToken.None);
    }

    private async Task WriteAndReturnAsync(AlignedBuffer buffer, int gap, int length, long offset, bool isLast)
    {
        using (buffer)
        {
            Task WriteAsync() => BlockWriter.WriteAsync(_image, buffer, gap, length, offset);
            await (isLast ? WriteAsync() : _image.StartAsync(WriteAsync, CancellationToken.None));
        }
    }

    private async ValueTask DrainAsync()
    {
        while (_inFlight.Count > 0)
        {
            await ReapAsync();
        }
    }

    private async ValueTask ReapAsync()
    {
        (Task write, int length) = _inFlight.Dequeue();
        await _storageWait.WaitAsync(write);
        Interlocked.Add(ref _done, length);
    }
}
