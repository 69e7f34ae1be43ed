namespace ImageIO.Client.Copying;

/// <summary>The segments for the workers. Ends when none is left and no worker can return one.</summary>
internal sealed class WorkQueue(int workers)
{
    // More would only take memory, because planning is faster than any copy.
    private const int MostPlanned = 32;

    private readonly Lock _lock = new();
    private readonly LinkedList<Segment> _segments = [];
    private readonly Queue<TaskCompletionSource<Segment?>> _waiting = new();
    private TaskCompletionSource? _room;
    private int _working = workers;
    private bool _isPlanned;

    /// <summary>Adds a segment when there is room.</summary>
    public async Task AddAsync(Segment segment, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task room;
            lock (_lock)
            {
                if (_segments.Count < MostPlanned)
                {
                    Put(segment, first: false);
                    return;
                }

                _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _room.Task;
            }

            await room.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Adds segments that must be copied again, before all others.</summary>
    public void AddAgain(IEnumerable<Segment> segments)
    {
        lock (_lock)
        {
            foreach (Segment segment in segments)
            {
                Put(segment, first: true);
            }
        }
    }

    /// <summary>No further segment will be planned.</summary>
    public void EndPlanning()
    {
        lock (_lock)
        {
            _isPlanned = true;
            EndIfOver();
        }
    }

    /// <summary>The next segment, if there is one now.</summary>
    public Segment? TryTake()
    {
        lock (_lock)
        {
            return Take();
        }
    }

    /// <summary>The next segment. Null: no work is left. A waiting caller holds no segment.</summary>
    public async Task<Segment?> TakeAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource<Segment?> waiter;
        lock (_lock)
        {
            if (Take() is { } segment)
            {
                return segment;
            }

            waiter = new TaskCompletionSource<Segment?>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(waiter);
            _working--;
            EndIfOver();
        }

        return await waiter.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private Segment? Take()
    {
        Segment? segment = _segments.First?.Value;
        if (segment is not null)
        {
            _segments.RemoveFirst();
            _room?.TrySetResult();
            _room = null;
        }

        return segment;
    }

    private void Put(Segment segment, bool first)
    {
        if (_waiting.TryDequeue(out TaskCompletionSource<Segment?>? waiter))
        {
            _working++;
            waiter.SetResult(segment);
        }
        else if (first)
        {
            _segments.AddFirst(segment);
        }
        else
        {
            _segments.AddLast(segment);
        }
    }

    private void EndIfOver()
    {
        if (!_isPlanned || _segments.Count > 0 || _working > 0)
        {
            return;
        }

        while (_waiting.TryDequeue(out TaskCompletionSource<Segment?>? waiter))
        {
            waiter.SetResult(null);
        }
    }
}
