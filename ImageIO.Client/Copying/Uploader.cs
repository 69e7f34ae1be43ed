using ImageIO.Client.Transport;
using ImageIO.Core.Ranges;
using ImageIO.Formats;

namespace ImageIO.Client.Copying;

/// <summary>
/// One worker of an upload: takes segments, sends their data, zeroes other ranges, flushes its writes.
/// </summary>
/// <remarks>The other part sends data.</remarks>
internal sealed partial class Uploader : IAsyncDisposable
{
    // Some storage arrays time out on larger requests.
    private const int MostZeroes = 128 * 1024 * 1024;

    // The window that is sent, and two buffers that are read meanwhile.
    private const int Buffers = 6;

    private readonly CopyRun _run;
    private readonly UnalignedAccess _source;
    private readonly CopyWorker _worker;

    public Uploader(CopyRun run, UnalignedAccess source, int number)
    {
        _run = run;
        _source = source;
        _worker = new CopyWorker(run, number, SendsDigests(run) ? 2 * Buffers : Buffers)
        {
            Reconnected = ReconnectedAsync,
        };
    }

    private ServerFeatures Features => _run.Client.Features;

    public ValueTask DisposeAsync() => _worker.DisposeAsync();

    /// <summary>Works until no worker has a segment left.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Segment? segment = _run.Queue.TryTake();
            if (segment is null)
            {
                if (_run.Ledger.Unflushed(_worker.Number) > 0 && !_run.IsRepeating)
                {
                    await FlushAsync(cancellationToken).ConfigureAwait(false);
                    continue;
                }

                segment = await _run.Queue.TakeAsync(cancellationToken).ConfigureAwait(false);
                if (segment is null)
                {
                    return;
                }
            }

            await SendAsync(segment, cancellationToken).ConfigureAwait(false);
            _run.Ended(segment);
        }
    }

    /// <summary>Flushes once after an interruption, so that a later run need not send acknowledged ranges
    /// again.</summary>
    public async Task SaveAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<(int Worker, ByteRange Range)> covered = _run.Ledger.BeginFlush(_worker.Number);
        if (covered.Count == 0 || !Features.RemembersLosses)
        {
            return;
        }

        await _worker.DropAsync().ConfigureAwait(false);
        ImageConnection connection = await _run.Client.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            await connection.FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        _run.Ledger.EndFlush(covered);
    }

    private static bool SendsDigests(CopyRun run) => run.Options.Verifies && run.Client.Features.RemembersLosses;

    private async Task SendAsync(Segment segment, CancellationToken cancellationToken)
    {
        DigestRun? digests = segment.IsRepeated ? null : _run.Digests?.Begin(segment.Range.Start);
        foreach (Part part in segment.Parts)
        {
            switch (part.Kind)
            {
                case PartKind.Data:
                    digests = await SendDataAsync(part.Range, digests, cancellationToken).ConfigureAwait(false);
                    break;
                case PartKind.Zero:
                    await SendZeroesAsync(part.Range, cancellationToken).ConfigureAwait(false);
                    digests?.AppendZeroes(part.Range.Length);
                    break;
                case PartKind.Done:
                    await ReadDoneAsync(part.Range, digests, cancellationToken).ConfigureAwait(false);
                    break;
                default:
                    digests?.AppendZeroes(part.Range.Length);
                    _run.Meter.AddTransferred(part.Range.Length);
                    break;
            }
        }
    }

    private async Task SendZeroesAsync(ByteRange range, CancellationToken cancellationToken)
    {
        for (long position = range.Start; position < range.End;)
        {
            var piece = new ByteRange(position, Math.Min(range.End, position + MostZeroes));
            await ZeroAsync(piece, cancellationToken).ConfigureAwait(false);
            position = piece.End;
        }
    }

    private async Task ZeroAsync(ByteRange range, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                ImageConnection connection = await _worker.ConnectionAsync(cancellationToken).ConfigureAwait(false);
                await (Features.CanZero
                    ? connection.ZeroAsync(range, flush: !Features.CanFlush, cancellationToken)
                    : connection.PutAsync(
                        range, (stream, token) =>
                            WriteZeroesAsync(stream, range.Length, token), Features.CanFlush, null, cancellationToken))
                    .ConfigureAwait(false);
                await AnsweredAsync(range, isZero: true, cancellationToken).ConfigureAwait(false);
                _run.Meter.AddTransferred(range.Length);
                return;
            }
            catch (ExchangeException e)
            {
                await _worker.RecoverAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static async Task WriteZeroesAsync(Stream stream, long length, CancellationToken cancellationToken)
    {
        byte[] zeroes = new byte[(int)Math.Min(length, 1024 * 1024)];
        for (; length > 0; length -= zeroes.Length)
        {
            await stream.WriteAsync(
                zeroes.AsMemory(0, (int)Math.Min(length, zeroes.Length)), cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ReadDoneAsync(ByteRange range, DigestRun? digests, CancellationToken cancellationToken)
    {
        if (digests is not null)
        {
            await using var ahead = new ReadAhead(_source, range, _worker.Buffers, cancellationToken);
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

    private async Task AnsweredAsync(ByteRange range, bool isZero, CancellationToken cancellationToken)
    {
        _run.Meter.AddConfirmed(range.Length);
        if (!Features.CanFlush)
        {
            // Such a server makes everything durable before it answers.
            _run.Ledger.AddDurable(range);
            _run.SaveState();
            return;
        }

        _run.Ledger.Add(_worker.Number, range, isZero);
        if (_run.IsFlushDue(_worker.Number))
        {
            await FlushAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    // After a failed flush, or a lost answer to one, it is unknown what is durable: everything is sent again and
    // flushed once more. A second failure is the storage's.
    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        int round = _run.LossRound;
        try
        {
            ImageConnection connection = await _worker.ConnectionAsync(cancellationToken).ConfigureAwait(false);
            IReadOnlyList<(int Worker, ByteRange Range)> covered = _run.Ledger.BeginFlush(_worker.Number);
            if (covered.Count > 0)
            {
                await connection.FlushAsync(cancellationToken).ConfigureAwait(false);
                _run.Flushed(covered);
            }
        }
        catch (ExchangeException e)
        {
            // A server that remembers losses can be asked again over a new connection.
            bool mayBeLost = e.Failure is ExchangeFailure.ServerFailed or ExchangeFailure.Busy
                || (e.Failure is ExchangeFailure.Broken && !Features.RemembersLosses);
            if (mayBeLost && !_run.TryAgainAfterLoss(round))
            {
                throw e.ToTransferException();
            }

            await _worker.RecoverAsync(e, cancellationToken).ConfigureAwait(false);
        }
    }

    // After a new connection: find out which acknowledged ranges are durable.
    private async Task ReconnectedAsync(ImageConnection connection, CancellationToken cancellationToken)
    {
        int round = _run.LossRound;
        IReadOnlyList<(int Worker, ByteRange Range)> covered = _run.Ledger.BeginFlush(_worker.Number);
        if (covered.Count == 0 || _run.IsRepeating)
        {
            return;
        }

        if (!Features.RemembersLosses)
        {
            _run.CopyAgain(_run.Ledger.TakeLost(_worker.Number));
            return;
        }

        try
        {
            await connection.FlushAsync(cancellationToken).ConfigureAwait(false);
            _run.Flushed(covered);
        }
        catch (ExchangeException e) when (e.Failure == ExchangeFailure.ServerFailed)
        {
            if (!_run.TryAgainAfterLoss(round))
            {
                throw e.ToTransferException();
            }
        }
    }
}
