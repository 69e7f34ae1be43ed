using ImageIO.Client.Transport;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

/// <summary>State that the workers of one copy share.</summary>
internal sealed class CopyRun
{
    private readonly Lock _stateLock = new();
    private readonly Lock _lossLock = new();
    private readonly ResumeState? _state;
    private readonly bool _remembersLosses;

    // Failed flushes in a row, and segments that are copied again.
    private int _flushFailures;
    private int _repeats;
    private long _lastFlush;

    public CopyRun(
        TransferClient client,
        CopyOptions options, string direction, long size, int workers, bool coversAll, CopyMeter meter)
    {
        Client = client;
        Options = options;
        Meter = meter;
        Size = size;
        Workers = workers;
        Queue = new WorkQueue(workers);
        _remembersLosses = coversAll;
        Ledger = new DurabilityLedger(workers, coversAll);
        Limiter = new RateLimiter(options.BytesPerSecond, client.Options.Time);
        Digests = options.Verifies ? new BlockDigests(size) : null;
        _lastFlush = client.Options.Time.GetTimestamp();
        if (options.ResumeFile is { } file)
        {
            _state = ResumeState.Of(direction, options.ResumeIdentity ?? "", size, client.Capacity, []) with
            {
                TransferId = options.ResumeTransferId,
                DiskId = options.ResumeDiskId,
            };
            Done = ResumeState.Read(file, _state);
            Ledger.AddDurable(Done);
        }
    }

    public TransferClient Client { get; }

    public CopyOptions Options { get; }

    public CopyMeter Meter { get; }

    public long Size { get; }

    public int Workers { get; }

    public WorkQueue Queue { get; }

    public DurabilityLedger Ledger { get; }

    public RateLimiter Limiter { get; }

    /// <summary>Null: no verification.</summary>
    public BlockDigests? Digests { get; }

    /// <summary>Ranges that an earlier run made durable.</summary>
    public IReadOnlyList<ByteRange> Done { get; } = [];

    /// <summary>How often everything unflushed was given up. A flush records it when it starts.</summary>
    public int LossRound
    {
        get
        {
            lock (_lossLock)
            {
                return field;
            }
        }

        private set;
    }

    /// <summary>
    /// Whether a flush can succeed: a server that remembers losses refuses flushes until the lost ranges are written
    /// again.
    /// </summary>
    public bool IsRepeating => _remembersLosses && Volatile.Read(ref _repeats) > 0;

    private TimeProvider Time => Client.Options.Time;

    /// <summary>Plans and works until all is done. Throws the first failure.</summary>
    public async Task WorkAsync(
        IAsyncEnumerable<Segment> plan, Func<int, CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        List<Task> tasks =
        [
            PlanAsync(plan, stop.Token),
            .. Enumerable.Range(0, Workers).Select(worker => work(worker, stop.Token)),
        ];
        Exception? failure = null;
        while (tasks.Count > 0)
        {
            Task ended = await Task.WhenAny(tasks).ConfigureAwait(false);
            tasks.Remove(ended);
            try
            {
                await ended.ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // The first failure is the reason. The others follow from the stop.
                failure ??= e;
                await stop.CancelAsync().ConfigureAwait(false);
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (failure is not null)
        {
            throw Named(failure);
        }
    }

    private static Exception Named(Exception failure) => failure switch
    {
        ExchangeException exchange => exchange.ToTransferException(),
        SourceException { InnerException: TransferException local } => local,
        SourceException { InnerException: { } other } => new TransferException(
            TransferError.StorageFailed, other.Message, other),
        _ => failure,
    };

    /// <summary>Whether a worker should flush before it continues.</summary>
    public bool IsFlushDue(int worker)
    {
        long unflushed = Ledger.Unflushed(worker);
        return unflushed > 0 && !IsRepeating
            && (unflushed >= Options.FlushBytes
                || Time.GetElapsedTime(Interlocked.Read(ref _lastFlush)) >= Options.FlushPeriod);
    }

    /// <summary>
    /// Copies everything unflushed again after a failed flush. False after the second failure, which is the storage's
    /// fault.
    /// </summary>
    /// <param name="round">The round in which the flush started. Several flushes may fail for one loss.</param>
    public bool TryAgainAfterLoss(int round)
    {
        lock (_lossLock)
        {
            if (round == LossRound)
            {
                LossRound++;
                _flushFailures++;
            }

            CopyAgain(Ledger.TakeLost(worker: null));
            return _flushFailures <= 1;
        }
    }

    /// <summary>Records a successful flush.</summary>
    public void Flushed(IReadOnlyList<(int Worker, ByteRange Range)> covered)
    {
        Ledger.EndFlush(covered);
        lock (_lossLock)
        {
            _flushFailures = 0;
        }

        // This is progress, too: a copy advances even if its connection breaks every few seconds.
        Meter.AddConfirmed(1);
        SaveState();
    }

    /// <summary>Records the end of a segment.</summary>
    public void Ended(Segment segment)
    {
        if (segment.IsRepeated)
        {
            Interlocked.Decrement(ref _repeats);
        }
    }

    /// <summary>Saves which ranges are durable.</summary>
    public void SaveState()
    {
        Interlocked.Exchange(ref _lastFlush, Time.GetTimestamp());
        if (_state is null)
        {
            return;
        }

        lock (_stateLock)
        {
            (_state with { DurableRanges = [.. Ledger.Durable.Select(range => (long[])[range.Start, range.Length])] })
                .Write(Options.ResumeFile!);
        }
    }

    /// <summary>Removes the state of a complete copy.</summary>
    public void RemoveState()
    {
        if (Options.ResumeFile is { } file)
        {
            File.Delete(file);
        }
    }

    /// <summary>Queues ranges again that may be lost.</summary>
    public void CopyAgain((ByteRange[] Data, ByteRange[] Zeroes) lost)
    {
        Segment[] segments =
        [
            .. lost.Data.SelectMany(range => Cut(range, Segment.MostData)).Select(range => Again(range, PartKind.Data)),
            .. lost.Zeroes.SelectMany(range => Cut(range, Segment.MostZeroes)).Select(
                range => Again(range, PartKind.Zero)),
        ];
        Interlocked.Add(ref _repeats, segments.Length);
        Meter.AddTransferred(-segments.Sum(segment => segment.Range.Length));
        Queue.AddAgain(segments);
    }

    private static Segment Again(ByteRange range, PartKind kind) => new([new Part(range, kind)], IsRepeated: true);

    private static IEnumerable<ByteRange> Cut(ByteRange range, long most)
    {
        for (long start = range.Start; start < range.End; start += most)
        {
            yield return new ByteRange(start, Math.Min(range.End, start + most));
        }
    }

    private async Task PlanAsync(IAsyncEnumerable<Segment> plan, CancellationToken cancellationToken)
    {
        await foreach (Segment segment in plan.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            await Queue.AddAsync(segment, cancellationToken).ConfigureAwait(false);
        }

        Queue.EndPlanning();
    }
}
