using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;

namespace ImageIO.Core.Operations;

/// <summary>Receives bytes from a client and writes them to an image. Receiving and writing overlap.</summary>
/// <remarks>
/// <code>
///   client ──▶ buffer 1 ─┐                 1. take a buffer; when the ring is full, await its oldest write first
///   client ──▶ buffer 2 ─┼─▶ storage      2. fill it from the client, to the next buffer boundary of the image
///   client ──▶ buffer 3 ─┘                 3. start writing it, and continue with the next
/// </code>
/// When the pool recalls the buffer that waits for the client, the operation writes its bytes and continues with a
/// small one. Another part patches the blocks at the edges.
/// </remarks>
public sealed partial class WriteOperation : IOperation
{
    // How long a write waits for a storage thread or a lock after its client has left. Received bytes are written, but
    // a storage that hangs must not collect the buffers of clients that try again and again.
    private static readonly TimeSpan PatienceWithoutClient = TimeSpan.FromSeconds(10);

    private readonly ImageHandle _image;
    private readonly Stream _source;
    private readonly long? _length;
    private readonly long _limit;
    private readonly bool _flush;
    private readonly CancelFlag _cancel = new();
    private readonly WaitClock _storageWait = new();
    private readonly ClientWait _client;
    private readonly BufferRing _ring;
    private long _done;

    // Why the client's stream broke. Reported after the bytes before it are written.
    private IOException? _failure;
    private bool _hasEnded;

    /// <summary>Prepares the upload of a range.</summary>
    /// <param name="image">The image, open for writing.</param>
    /// <param name="offset">Where the first byte goes.</param>
    /// <param name="length">Bytes that the client announced. Null: until the source ends.</param>
    /// <param name="limit">Where the ticket ends: no byte is written at or past it.</param>
    /// <param name="source">The client. Its end before <paramref name="length"/> bytes is a failure.</param>
    /// <param name="flush">Whether to make the data durable before finishing.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.RangeNotSatisfiable"/>: the range passes the limit, or the end of an image of fixed
    /// size.
    /// <see cref="TransferError.NotSupported"/>: the image cannot be written.
    /// </exception>
    public WriteOperation(ImageHandle image, long offset, long? length, long limit, Stream source, bool flush)
    {
        ArgumentNullException.ThrowIfNull(image);
        image.RequireWrite();
        _image = image;
        _source = source;
        _client = new ClientWait(source);
        _ring = new BufferRing(image, _client.Interrupt);
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
        using var abandoned = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _image.Pool.Clock);
        await using (cancellationToken.UnsafeRegister(
            static source => ((CancellationTokenSource)source!).CancelAfter(PatienceWithoutClient), abandoned))
        {
            try
            {
                await ReceiveAsync(abandoned.Token);
                while (_ring.Count > 0)
                {
                    await ReapAsync();
                }
            }
            catch (TransferException e) when (e.Error == TransferError.StorageFull && e.BytesDone is null)
            {
                throw new TransferException(TransferError.StorageFull, e.Message, e) { BytesDone = Done };
            }
            catch (OperationCanceledException e) when (abandoned.IsCancellationRequested)
            {
                throw new TransferException(
                    TransferError.ClientDisconnected, "The client left while its bytes waited for the storage", e);
            }
            finally
            {
                // After a failure other buffers may still be in flight. They must be written and given back before the
                // image can be closed. Their own failures add no information.
                await _ring.DrainAsync();
            }
        }

        if (_flush)
        {
            _cancel.ThrowIfSet();
            await _storageWait.WaitAsync(_image.FlushAsync(cancellationToken).AsTask());
        }
    }

    private async Task ReceiveAsync(CancellationToken abandoned)
    {
        long position = Offset;
        while (!_hasEnded && (_length is null || position < Offset + _length))
        {
            _cancel.ThrowIfSet();
            if (_ring.IsClientSlow)
            {
                // While it holds no buffer.
                _ = await WaitForClientAsync(_ring.Now);
            }

            long wanted = _length is null ? long.MaxValue : Offset + _length.Value - position;
            int gap = (int)(position - Alignment.Down(position, _image.BlockSize));
            AlignedBuffer buffer = await TakeBufferAsync(wanted, gap);
            int filled;
            try
            {
                int capacity = Math.Min(buffer.Length, _image.Ring.BufferSize) - gap;
                long end = wanted <= capacity
                    ? position + wanted
                    : Alignment.PreferredEnd(position, position + capacity, _image.PreferredBlockSize);
                filled = await FillAsync(buffer.Memory.Slice(gap, (int)(end - position)), position);
            }
            catch
            {
                _ring.Return(buffer);
                throw;
            }

            if (filled == 0)
            {
                _ring.Return(buffer);
                continue;
            }

            // The last write gains nothing from running in parallel.
            bool isLast = _length is not null && position + filled == Offset + _length;
            _ring.Add(new RingSlot(WriteAsync(buffer, gap, filled, position, isLast, abandoned), null, gap, filled));
            position += filled;
        }

        if (_failure is not null || (_length is not null && position < Offset + _length))
        {
            while (_ring.Count > 0)
            {
                await ReapAsync();
            }

            throw new TransferException(
                TransferError.ClientDisconnected,
                _length is null
                    ? $"The client's body broke after {position - Offset} bytes"
                    : $"The client sent {position - Offset} of {_length} bytes",
                _failure);
        }
    }

    // Returns early when the client's bytes end or break, and when the pool asks for the buffer.
    private async ValueTask<int> FillAsync(Memory<byte> room, long position)
    {
        long started = _ring.Now;
        int filled = 0;
        while (filled < room.Length)
        {
            if (!await WaitForClientAsync(started))
            {
                return filled;
            }

            int received = await ReadAsync(room[filled..]);
            if (received == 0)
            {
                _hasEnded = true;
                return filled;
            }

            filled += received;
            if (_length is null)
            {
                RangeCheck.Within(position, filled, _limit, "ticket or image size");
            }
        }

        _ring.NoteClientMoved(started);
        return filled;
    }

    // Waits until the client's next bytes, their end or a failure can be read without waiting. False: the pool asks for
    // the buffer that waits.
    private async ValueTask<bool> WaitForClientAsync(long since)
    {
        try
        {
            ValueTask<bool> wait = _client.WaitAsync();
            if (!wait.IsCompleted)
            {
                _ring.ClientWaitStarts(since);
            }

            bool hasMoved = await wait;
            if (!hasMoved)
            {
                _ring.NoteRecall();
            }

            return hasMoved;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            NoteFailure(e);
            return true;
        }
        finally
        {
            _ring.ClientWaitEnded();
        }
    }

    // 0: the client's bytes have ended, or broke.
    private async ValueTask<int> ReadAsync(Memory<byte> room)
    {
        if (_failure is not null)
        {
            return 0;
        }

        try
        {
            // Not cancelled when the client disconnects: bytes that it sent before may still be in the server's
            // buffers, and the stream ends or breaks behind them.
            return await _source.ReadAsync(room, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            NoteFailure(e);
            return 0;
        }
    }

    private void NoteFailure(Exception e) =>
        _failure = e as IOException ?? new IOException("The connection was closed", e);

    private async ValueTask<AlignedBuffer> TakeBufferAsync(long wanted, int gap)
    {
        long size = Alignment.Up(Math.Min(wanted, int.MaxValue) + gap, _image.BlockSize);
        while (true)
        {
            while (_ring.Count > 0 && _ring.Oldest.Call.IsCompleted)
            {
                await ReapAsync();
            }

            if (_ring.TryTake(size) is { } buffer)
            {
                return buffer;
            }

            await ReapAsync();
        }
    }

    private async Task WriteAsync(
        AlignedBuffer buffer, int gap, int length, long offset, bool isLast, CancellationToken abandoned)
    {
        try
        {
            Task Write() => WriteBlocksAsync(_image, buffer, gap, length, offset, abandoned);
            await (isLast ? Write() : _image.StartAsync(Write, abandoned));
        }
        finally
        {
            _ring.Return(buffer);
        }
    }

    private async ValueTask ReapAsync()
    {
        RingSlot oldest = _ring.Oldest;
        try
        {
            await _storageWait.WaitAsync(oldest.Call);
        }
        finally
        {
            _ring.RemoveOldest();
        }

        Interlocked.Add(ref _done, oldest.Length);
    }
}
