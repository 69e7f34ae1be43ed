using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Backends;

/// <summary>
/// Remembers which bytes a failed flush may have lost, until they are written again. Thread-safe.
/// </summary>
/// <remarks>
/// After a failed fsync Linux marks the pages clean: the next fsync succeeds although the data is gone (fsync(2), notes
/// on errors). Without this memory that success would be passed on to the client.
/// </remarks>
internal sealed class FlushMemory
{
    private readonly Lock _lock = new();
    private readonly RangeSet _lost = new();
    private RangeSet _unflushed = new();

    // Counts failed flushes. A write that saw one start or end beside it may itself be among the lost.
    private int _era;

    public int WriteStarts(ByteRange range)
    {
        lock (_lock)
        {
            _unflushed.Add(range);
            return _era;
        }
    }

    public void WriteEnds(ByteRange range, int era)
    {
        lock (_lock)
        {
            _unflushed.Add(range);
            if (era == _era)
            {
                _lost.Remove(range);
            }
            else
            {
                _lost.Add(range);
            }
        }
    }

    /// <summary>What the flush that begins now has to make durable.</summary>
    public RangeSet FlushStarts()
    {
        lock (_lock)
        {
            RangeSet covered = _unflushed;
            _unflushed = new RangeSet();
            return covered;
        }
    }

    public void FlushFailed(RangeSet covered)
    {
        lock (_lock)
        {
            _era++;
            _lost.Add(covered);

            // And what was written beside it: its pages may have been in flight when the error was found, and are as
            // clean now as the others. Nothing of it was acknowledged as durable.
            _lost.Add(_unflushed);
        }
    }

    public void ThrowIfLost()
    {
        lock (_lock)
        {
            if (!_lost.IsEmpty)
            {
                throw new TransferException(
                    TransferError.FlushLost,
                    $"An earlier flush failed and {_lost.Sum} bytes that it should have made durable were not written again");
            }
        }
    }
}
