using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Backends;

/// <summary>
/// Remembers which bytes of an image a failed flush may have lost, until a client has written them again. Shared by all
/// handles on the image. Thread-safe.
/// </summary>
/// <remarks>
/// After a failed fsync Linux marks the pages clean: the next fsync succeeds although the data is gone (fsync(2), notes
/// on errors). Without this memory that success would be passed on to the client.
/// </remarks>
/// <param name="mostRanges">
/// How many ranges it may keep in each of its sets. Beyond that, neighbours are joined: a flush then also fails for
/// bytes between them that were not lost, which is safe.
/// </param>
internal sealed class FlushMemory(Func<int> mostRanges)
{
    private readonly Lock _lock = new();
    private readonly RangeSet _lost = new();

    // Handles that are open. What was written under closed ones, and not flushed, is kept in one set.
    private readonly List<UnflushedWrites> _handles = [];
    private readonly UnflushedWrites _closed = new();

    // One flush at a time: the kernel reports a failed write-back once for each descriptor (fsync(2)), and a device
    // once at all, so a second flush beside a failing one would be told that all is well.
    private readonly SemaphoreSlim _turn = new(1);

    // Counts failed flushes. A write that saw one start or end beside it may itself be among the lost.
    private int _era;

    /// <summary>Whether there is nothing to remember.</summary>
    public bool IsEmpty => Ranges == 0;

    /// <summary>Ranges that are kept now.</summary>
    public int Ranges
    {
        get
        {
            lock (_lock)
            {
                return _lost.Count + _closed.Count + _handles.Sum(handle => handle.Count);
            }
        }
    }

    /// <summary>Takes part from now on.</summary>
    public UnflushedWrites Opened()
    {
        var writes = new UnflushedWrites();
        lock (_lock)
        {
            _handles.Add(writes);
        }

        return writes;
    }

    /// <summary>The handle is closed.</summary>
    /// <param name="handle">The handle.</param>
    /// <param name="isDurable">Whether closing flushed its writes. False: they are as unflushed as before.</param>
    public void Closed(UnflushedWrites handle, bool isDurable = false)
    {
        lock (_lock)
        {
            _handles.Remove(handle);
            RangeSet writes = handle.Take();
            if (!isDurable)
            {
                _closed.Add(writes, mostRanges());
            }
        }
    }

    /// <summary>
    /// The storage reported a failure as a handle closed: what was written through it and not flushed may be lost.
    /// </summary>
    public void CloseFailed(UnflushedWrites handle)
    {
        lock (_lock)
        {
            _era++;
            _lost.Add(handle.Take());
            _lost.Join(mostRanges());
        }
    }

    /// <summary>A client's bytes are about to be written.</summary>
    /// <param name="handle">Whose write it is.</param>
    /// <param name="own">The client's bytes, without those that only complete a block.</param>
    /// <returns>To be given to <see cref="WriteEnds"/>.</returns>
    public int WriteStarts(UnflushedWrites handle, ByteRange own)
    {
        lock (_lock)
        {
            handle.Add(own, mostRanges());
            return _era;
        }
    }

    /// <summary>A client's bytes were written.</summary>
    public void WriteEnds(UnflushedWrites handle, ByteRange own, int era)
    {
        lock (_lock)
        {
            handle.Add(own, mostRanges());
            if (era == _era)
            {
                _lost.Remove(own);
            }
            else
            {
                _lost.Add(own);
            }

            _lost.Join(mostRanges());
        }
    }

    /// <summary>Flushes, and fails as long as data that an earlier flush lost has not been written again.</summary>
    /// <param name="handle">Whose flush it is.</param>
    /// <param name="coversAll">Whether it covers what was written through other handles, too.</param>
    /// <param name="flush">The flush itself. Its success is believed only for what was written before it.</param>
    /// <param name="cancellationToken">Ends the wait for another flush.</param>
    /// <exception cref="TransferException"><see cref="TransferError.FlushLost"/>, or what the flush threw.</exception>
    public async ValueTask FlushAsync(
        UnflushedWrites handle, bool coversAll, Func<ValueTask> flush, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            RangeSet covered = FlushStarts(handle, coversAll);
            try
            {
                await flush();
            }
            catch
            {
                FlushFailed(covered);
                throw;
            }

            ThrowIfLost();
        }
        finally
        {
            _turn.Release();
        }
    }

    private RangeSet FlushStarts(UnflushedWrites handle, bool coversAll)
    {
        lock (_lock)
        {
            RangeSet covered = handle.Take();
            if (coversAll)
            {
                AddAllTo(covered);
            }

            return covered;
        }
    }

    private void FlushFailed(RangeSet covered)
    {
        lock (_lock)
        {
            _era++;
            _lost.Add(covered);

            // And what was written beside it: its pages may have been in flight when the error was found, and are as
            // clean now as the others. And what other handles have written: the kernel will not tell them.
            AddAllTo(_lost);
            _lost.Join(mostRanges());
        }
    }

    private void AddAllTo(RangeSet set)
    {
        set.Add(_closed.Take());
        _handles.ForEach(handle => set.Add(handle.Take()));
    }

    private void ThrowIfLost()
    {
        lock (_lock)
        {
            if (!_lost.IsEmpty)
            {
                throw new TransferException(
                    TransferError.FlushLost,
                    $"An earlier flush failed and {_lost.Sum} bytes that it should have made durable were not "
                        + $"written again");
            }
        }
    }
}
