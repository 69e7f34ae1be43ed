using ImageIO.Client.Transport;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;
using ImageIO.Formats;

namespace ImageIO.Client.Copying;

/// <summary>One worker of a download: receives and writes data, and zeroes other ranges.</summary>
internal sealed class Downloader : IAsyncDisposable
{
    private const int MostZeroes = 128 * 1024 * 1024;
    private const int Buffers = 4;

    private readonly CopyRun _run;
    private readonly UnalignedAccess _target;
    private readonly CopyWorker _worker;
    private readonly Task[] _writes = [.. Enumerable.Repeat(Task.CompletedTask, Buffers)];
    private int _next;

    public Downloader(CopyRun run, UnalignedAccess target, int number)
    {
        _run = run;
        _target = target;
        _worker = new CopyWorker(run, number, Buffers);
    }

    private bool CanGoOn => _run.Options.ResumeFile is not null;

    public ValueTask DisposeAsync() => _worker.DisposeAsync();

    /// <summary>Works until no segment is left.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (await _run.Queue.TakeAsync(cancellationToken).ConfigureAwait(false) is { } segment)
        {
            DigestRun? digests = _run.Digests?.Begin(segment.Range.Start);
            foreach (Part part in segment.Parts)
            {
                digests = await CopyAsync(part, digests, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<DigestRun?> CopyAsync(Part part, DigestRun? digests, CancellationToken cancellationToken)
    {
        switch (part.Kind)
        {
            case PartKind.Data:
                return await ReceiveAsync(part.Range, digests, cancellationToken).ConfigureAwait(false);
            case PartKind.Zero:
                await ZeroAsync(part.Range, cancellationToken).ConfigureAwait(false);
                digests?.AppendZeroes(part.Range.Length);
                return digests;
            case PartKind.Done:
                await ReadDoneAsync(part.Range, digests, cancellationToken).ConfigureAwait(false);
                return digests;
            default:
                digests?.AppendZeroes(part.Range.Length);
                _run.Meter.AddTransferred(part.Range.Length);
                return digests;
        }
    }

    // After a failure it continues from the first missing byte.
    private async Task<DigestRun?> ReceiveAsync(
        ByteRange range, DigestRun? digests, CancellationToken cancellationToken)
    {
        for (long position = range.Start; position < range.End;)
        {
            long begun = position;
            long end = _worker.UnitEnd(position, range.End);
            try
            {
                ImageConnection connection = await _worker.ConnectionAsync(cancellationToken).ConfigureAwait(false);
                await connection.GetAsync(
                    new ByteRange(begun, end),
                    async (stream, token) =>
                    {
                        while (position < end)
                        {
                            position += await ReceiveBufferAsync(
                                stream, position, end, digests, token).ConfigureAwait(false);
                        }
                    },
                    cancellationToken).ConfigureAwait(false);
                _worker.Succeeded();
                await WrittenAsync().ConfigureAwait(false);
            }
            catch (ExchangeException e)
            {
                await WrittenAsync().ConfigureAwait(false);
                await _worker.RecoverAsync(e, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                await KeepAsync(begun, position).ConfigureAwait(false);
                throw;
            }
            finally
            {
                await Task.WhenAll(_writes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            if (position > begun)
            {
                await DoneAsync(new ByteRange(begun, position), cancellationToken).ConfigureAwait(false);
            }
        }

        return digests;
    }

    // Fills a buffer as far as bytes arrive, and starts to write it. Bytes before a failure are not requested again.
    private async Task<int> ReceiveBufferAsync(
        Stream stream, long position, long end, DigestRun? digests, CancellationToken cancellationToken)
    {
        int index = _next++ % Buffers;
        await _writes[index].ConfigureAwait(false);
        // Buffers end at multiples of their length, to align the writes.
        int most = (int)Math.Min(end - position, _worker.BufferLength - (position % _worker.BufferLength));
        Memory<byte> buffer = _worker.Buffers[index][..most];
        int length = 0;
        Exception? failure = null;
        try
        {
            while (length < most)
            {
                int slice = Math.Min(most - length, _run.Limiter.Slice);
                await _run.Limiter.WaitAsync(slice, cancellationToken).ConfigureAwait(false);
                int read = await stream.ReadAsync(buffer.Slice(length, slice), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    throw new IOException("the answer ended early");
                }

                length += read;
            }
        }
        catch (IOException e)
        {
            failure = e;
        }

        if (length > 0)
        {
            digests?.Append(buffer.Span[..length]);
            Memory<byte> data = buffer[..length];
            CancellationToken writing = CanGoOn ? CancellationToken.None : cancellationToken;
            _writes[index] = Task.Run(() => WriteAsync(data, position, writing), writing);
            _run.Meter.AddSent(length);
            _run.Meter.AddConfirmed(length);
            _run.Meter.AddTransferred(length);
        }

        return failure is null || length > 0 ? length : throw failure;
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> data, long position, CancellationToken cancellationToken)
    {
        try
        {
            await _target.WriteAsync(data, position, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new SourceException(e);
        }
    }

    private Task WrittenAsync() => Task.WhenAll(_writes);

    // After an interruption: what has arrived so far need not come again.
    private async Task KeepAsync(long begun, long position)
    {
        await Task.WhenAll(_writes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (CanGoOn && position > begun && _writes.All(write => write.IsCompletedSuccessfully))
        {
            _run.Ledger.Add(_worker.Number, new ByteRange(begun, position), isZero: false);
        }
    }

    private async Task ZeroAsync(ByteRange range, CancellationToken cancellationToken)
    {
        for (long position = range.Start; position < range.End;)
        {
            var piece = new ByteRange(position, Math.Min(range.End, position + MostZeroes));
            await Task.Run(
                () => _target.ZeroAsync(piece.Start, piece.Length, ZeroMode.Deallocate, cancellationToken).AsTask(),
                cancellationToken)
                .ConfigureAwait(false);
            _run.Meter.AddTransferred(piece.Length);
            position = piece.End;
            await DoneAsync(piece, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ReadDoneAsync(ByteRange range, DigestRun? digests, CancellationToken cancellationToken)
    {
        if (digests is not null)
        {
            await using var ahead = new ReadAhead(_target, range, _worker.Buffers, cancellationToken);
            for (long position = range.Start; position < range.End;)
            {
                Filled filled = await ahead.NextAsync(cancellationToken).ConfigureAwait(false);
                digests.Append(filled.Data.Span);
                position = filled.End;
                ahead.Return(filled);
            }
        }

        _run.Meter.AddTransferred(range.Length);
    }

    // Makes the target durable, but only for a download that can be resumed.
    private async Task DoneAsync(ByteRange range, CancellationToken cancellationToken)
    {
        if (!CanGoOn)
        {
            return;
        }

        _run.Ledger.Add(_worker.Number, range, isZero: false);
        if (_run.IsFlushDue(_worker.Number))
        {
            IReadOnlyList<(int Worker, ByteRange Range)> covered = _run.Ledger.BeginFlush(_worker.Number);
            await Task.Run(
                () => _target.Backend.FlushAsync(cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);
            _run.Flushed(covered);
        }
    }
}
