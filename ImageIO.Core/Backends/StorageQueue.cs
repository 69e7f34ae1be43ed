namespace ImageIO.Core.Backends;

/// <summary>Decides which storage call gets the next thread, so that no image can take them all. Thread-safe.</summary>
/// <remarks>
/// <para>The more threads an image has, the more must be free for it to get a further one: eight for each that it has.
/// Calls that hang cannot be taken back, so this keeps threads for images that have none yet. Of 512 threads one image
/// gets at most 57, and with 120 images that each have four calls hanging a further image still gets one at
/// once.</para>
/// <para>A few threads serve storage that answers at once, however many calls there are. A call that has waited for a
/// moment gets a further thread; threads that have been busy for that long do not count, because their calls
/// hang.</para>
/// </remarks>
internal sealed class StorageQueue
{
    /// <summary>Threads that are started without a wait: enough for fast devices on several images.</summary>
    internal const int Few = 32;

    // Threads that must be free for each thread that an image has.
    private const int FreeForEach = 8;

    private readonly Lock _lock = new();
    private readonly IStorageThreads _threads;
    private readonly TimeProvider _time;
    private readonly TimeSpan _patience;
    private readonly ITimer _watch;

    // Guarded by the lock.
    private readonly List<StorageTurn> _busy = [];
    private readonly Stack<StorageTurn> _unused = new();

    // Shares with waiting calls, in the order of their turns.
    private readonly List<StorageShare> _waiting = [];
    private bool _isWatching;

    /// <param name="threads">The threads.</param>
    /// <param name="time">The clock. Null: the system's.</param>
    /// <param name="patience">How long a call waits for a thread beyond the few. Null: 50 ms.</param>
    internal StorageQueue(IStorageThreads threads, TimeProvider? time = null, TimeSpan? patience = null)
    {
        _threads = threads;
        _time = time ?? TimeProvider.System;
        _patience = patience ?? TimeSpan.FromMilliseconds(50);
        _watch = _time.CreateTimer(
            static queue =>
                ((StorageQueue)queue!).ServeWaiting(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Busy threads, of all images.</summary>
    public int Busy
    {
        get
        {
            lock (_lock)
            {
                return _busy.Count;
            }
        }
    }

    /// <summary>Calls that wait for a thread, of all images.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Sum(share => share.Waiting.Count);
            }
        }
    }

    /// <summary>Runs a call on a storage thread, now or when the image gets one.</summary>
    /// <param name="share">The image.</param>
    /// <param name="work">The call. Must not throw.</param>
    /// <param name="cancellationToken">Ends the wait for a thread: the work then runs on a thread of the runtime's
    /// pool.</param>
    public void Run(StorageShare share, Action work, CancellationToken cancellationToken)
    {
        long now = _time.GetTimestamp();
        StorageTurn? turn = null;
        bool mayStart = false;
        lock (_lock)
        {
            if (share.Waiting.Count == 0 && HasRoom(share))
            {
                mayStart = CountFresh(now) < Few;
                turn = Begin(NewTurn(), share, work, now);
            }
        }

        if (turn is null || !_threads.TryRun(turn.Run, mayStart))
        {
            var call = new WaitingCall(share, work, now, cancellationToken);
            call.ObserveCancellation();
            lock (_lock)
            {
                if (turn is not null)
                {
                    End(turn);
                }

                Add(call, atFront: false);
            }

            call.CancelIfRequested();
        }
    }

    /// <summary>Gives a thread that has completed its call another one.</summary>
    /// <returns>Whether there is one.</returns>
    internal bool Continue(StorageTurn turn)
    {
        lock (_lock)
        {
            End(turn);
            if (TakeWaiting(_ => true) is not { } call)
            {
                return false;
            }

            _unused.Pop();
            Begin(turn, call.Share, call.Run, _time.GetTimestamp());
            return true;
        }
    }

    /// <summary>Removes a waiting call.</summary>
    /// <returns>False: it no longer waits.</returns>
    internal bool Remove(WaitingCall call)
    {
        lock (_lock)
        {
            if (call.Node is null)
            {
                return false;
            }

            Take(call);
            return true;
        }
    }

    // Starts threads for calls that wait although their image may have one.
    private void ServeWaiting()
    {
        while (true)
        {
            WaitingCall? call;
            StorageTurn turn;
            lock (_lock)
            {
                long now = _time.GetTimestamp();
                call = TakeWaiting(oldest => _time.GetElapsedTime(oldest.Since, now) >= _patience);
                if (call is null)
                {
                    _isWatching = false;
                    Watch();
                    return;
                }

                turn = Begin(NewTurn(), call.Share, call.Run, _time.GetTimestamp());
            }

            if (!_threads.TryRun(turn.Run, mayStart: true))
            {
                // The system refuses a thread, so a busy one takes the call later.
                lock (_lock)
                {
                    End(turn);
                    Add(call, atFront: true);
                    _isWatching = false;
                    Watch();
                }

                call.CancelIfRequested();
                return;
            }
        }
    }

    private bool HasRoom(StorageShare share) => share.Busy * FreeForEach < _threads.Most - _busy.Count;

    private int CountFresh(long now)
    {
        if (_busy.Count < Few)
        {
            return _busy.Count;
        }

        int fresh = 0;
        foreach (StorageTurn turn in _busy)
        {
            fresh += _time.GetElapsedTime(turn.Since, now) < _patience ? 1 : 0;
        }

        return fresh;
    }

    private StorageTurn NewTurn() => _unused.TryPop(out StorageTurn? turn) ? turn : new StorageTurn(this);

    private StorageTurn Begin(StorageTurn turn, StorageShare share, Action work, long now)
    {
        turn.Take(share, work, now);
        turn.Index = _busy.Count;
        _busy.Add(turn);
        share.Busy++;
        return turn;
    }

    private void End(StorageTurn turn)
    {
        turn.Share.Busy--;
        StorageTurn last = _busy[^1];
        (_busy[turn.Index], last.Index) = (last, turn.Index);
        _busy.RemoveAt(_busy.Count - 1);
        _unused.Push(turn);
    }

    private void Add(WaitingCall call, bool atFront)
    {
        LinkedList<WaitingCall> waiting = call.Share.Waiting;
        if (waiting.Count == 0)
        {
            _waiting.Add(call.Share);
        }

        call.Node = atFront ? waiting.AddFirst(call) : waiting.AddLast(call);
        Watch();
    }

    // The oldest call of the next image that may have a thread. Images take turns.
    private WaitingCall? TakeWaiting(Predicate<WaitingCall> isWanted)
    {
        for (int i = 0; i < _waiting.Count; i++)
        {
            StorageShare share = _waiting[i];
            WaitingCall call = share.Waiting.First!.Value;
            if (HasRoom(share) && isWanted(call))
            {
                Take(call);
                if (share.Waiting.Count > 0)
                {
                    _waiting.RemoveAt(i);
                    _waiting.Add(share);
                }

                return call;
            }
        }

        return null;
    }

    private void Take(WaitingCall call)
    {
        call.Share.Waiting.Remove(call.Node!);
        call.Node = null;
        if (call.Share.Waiting.Count == 0)
        {
            _waiting.Remove(call.Share);
        }
    }

    private void Watch()
    {
        if (!_isWatching && _waiting.Count > 0)
        {
            _isWatching = true;
            _watch.Change(_patience, Timeout.InfiniteTimeSpan);
        }
    }
}
