using ImageIO.Core.Ranges;

namespace ImageIO.Core.Backends;

/// <summary>
/// Protects partly written blocks. A writer that patches a block (reads it, changes a part, writes it back) locks it
/// exclusively; writers of whole blocks share. Thread-safe, and fair: no request overtakes an earlier one that it
/// conflicts with.
/// </summary>
/// <remarks>
/// A request names all its parts at once and gets all or waits for all, so two requests cannot wait for each other. The
/// lists are short, with an entry for each write in flight.
/// </remarks>
internal sealed class RangeLock
{
    private readonly Lock _lock = new();
    private readonly List<Holder> _holders = [];
    private readonly List<Holder> _waiters = [];

    /// <summary>Locks the parts. Dispose the result to unlock.</summary>
    /// <param name="shared">Blocks that are written as a whole; may be empty.</param>
    /// <param name="first">Blocks to lock exclusively; may be empty.</param>
    /// <param name="second">More blocks to lock exclusively; may be empty.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<Holder> AcquireAsync(
        ByteRange shared,
        ByteRange first = default,
        ByteRange second = default,
        CancellationToken cancellationToken = default)
    {
        var holder = new Holder(this, shared, first, second);
        lock (_lock)
        {
            if (!_holders.Exists(holder.ConflictsWith) && !_waiters.Exists(holder.ConflictsWith))
            {
                _holders.Add(holder);
                return holder;
            }

            holder.Granted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add(holder);
        }

        try
        {
            await holder.Granted.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Release(holder);
            throw;
        }

        return holder;
    }

    private void Release(Holder holder)
    {
        lock (_lock)
        {
            _holders.Remove(holder);
            _waiters.Remove(holder);
            for (int i = 0; i < _waiters.Count;)
            {
                Holder waiter = _waiters[i];
                if (_holders.Exists(waiter.ConflictsWith) || _waiters.FindIndex(0, i, waiter.ConflictsWith) >= 0)
                {
                    i++;
                    continue;
                }

                _waiters.RemoveAt(i);
                _holders.Add(waiter);
                waiter.Granted!.SetResult();
            }
        }
    }

    /// <summary>One granted or waiting request.</summary>
    internal sealed class Holder(RangeLock owner, ByteRange shared, ByteRange first, ByteRange second) : IDisposable
    {
        private readonly ByteRange _shared = shared;
        private readonly ByteRange _first = first;
        private readonly ByteRange _second = second;

        public TaskCompletionSource? Granted { get; set; }

        public bool ConflictsWith(Holder other) =>
            ExcludesAnyOf(other) || other._first.Overlaps(_shared) || other._second.Overlaps(_shared);

        public void Dispose() => owner.Release(this);

        private bool ExcludesAnyOf(Holder other) =>
            Touches(_first, other) || Touches(_second, other);

        private static bool Touches(ByteRange range, Holder other) =>
            range.Overlaps(other._shared) || range.Overlaps(other._first) || range.Overlaps(other._second);
    }
}
