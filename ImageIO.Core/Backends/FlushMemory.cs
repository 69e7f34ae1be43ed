using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Backends;

/// <summary>
/// Remembers which bytes of an image a failed flush may have lost, until a client has written them again. Shared by all
/// handles on the image. Thread-safe.
/// </summary>
/// <remarks>
/// After a failed fsync Linux marks the pages clean, so the next fsync succeeds although the data is gone (fsync(2),
/// notes on errors). The client must not be told of that success.
/// </remarks>
/// <param name="mostRanges">Most ranges in each of its sets. Beyond that, neighbours are joined: a flush then also
/// fails for bytes between them that were not lost, which is safe.</param>
internal sealed class FlushMemory(Func<int> mostRanges)
{
    private readonly Lock _lock = new();
    private readonly RangeSet _lost = new();

    // The open handles. Unflushed writes of closed ones are kept in one set.
    private readonly List<UnflushedWrites> _handles = [];
    private readonly UnflushedWrites _closed = new();

    // One flush at a time. The kernel reports a failed write-back once for each descriptor (fsync(2)), and a device
    // reports it once at all, so a second flush beside a failing one would succeed.
    private readonly SemaphoreSlim _turn = new(1);

    // Counts failed flushes. A write during which one starts or ends may be lost as well.
    private int _era;

    public bool IsEmpty => Ranges == 0;

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

    /// <summary>Adds a handle.</summary>
    public UnflushedWrites Opened()
    {
        var writes = new UnflushedWrites();
        lock (_lock)
        {
            _handles.Add(writes);
        }

        return writes;
    }

    /// <summary>Removes a handle that was closed.</summary>
    /// <param name="handle">The handle.</param>
    /// <param name="isDurable">Whether closing flushed its writes.</param>
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

    /// <summary>Notes that closing a handle failed, so its unflushed writes may be lost.</summary>
    public void CloseFailed(UnflushedWrites handle)
    {
        lock (_lock)
        {
            _era++;
            _lost.Add(handle.Take());
            _lost.Join(mostRanges());
        }
    }

    /// <summary>Notes that a write begins.</summary>
    /// <param name="handle">Its handle.</param>
    /// <param name="own">The client's bytes, without those that only complete a block.</param>
    /// <returns>The argument for <see cref="WriteEnds"/>.</returns>
    public int WriteStarts(UnflushedWrites handle, ByteRange own)
    {
        lock (_lock)
        {
            handle.Add(own, mostRanges());
            return _era;
        }
    }

    /// <summary>Notes that a client's bytes were written.</summary>
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

    /// <summary>Flushes. Fails while data that an earlier flush lost has not been written again.</summary>
    /// <param name="handle">The handle that flushes.</param>
    /// <param name="coversAll">Whether the flush covers writes of other handles, too.</param>
    /// <param name="flush">The flush itself. Its success counts only for earlier writes.</param>
    /// <param name="cancellationToken">Ends the wait for another flush.</param>
    /// <exception cref="TransferException"><see cref="TransferError.FlushLost"/>, or an exception of the
    /// flush.</exception>
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

            // Writes that ran beside the flush are lost as well: their pages may have been in flight and are clean now.
            // So are writes of other handles, which the kernel will not tell.
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
