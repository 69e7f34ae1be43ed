namespace ImageIO.Core.Backends;

/// <summary>A busy storage thread. Runs a call, then those that waited for a thread meanwhile.</summary>
internal sealed class StorageTurn
{
    [ThreadStatic]
    private static StorageTurn? _current;

    private readonly StorageQueue _queue;
    private StorageShare? _share;
    private Action? _work;

    public StorageTurn(StorageQueue queue)
    {
        _queue = queue;
        Run = RunAll;
    }

    /// <summary>The share that the caller's thread works for. Null: it is no storage thread.</summary>
    public static StorageShare? CurrentShare => _current?._share;

    /// <summary>The thread's work.</summary>
    public Action Run { get; }

    /// <summary>The image whose call runs.</summary>
    public StorageShare Share => _share!;

    /// <summary>Timestamp of the call's start.</summary>
    public long Since { get; private set; }

    /// <summary>Its index among the busy ones. Guarded by the queue's lock.</summary>
    public int Index { get; set; }

    /// <summary>Takes a call. Under the queue's lock.</summary>
    public void Take(StorageShare share, Action work, long since) => (_share, _work, Since) = (share, work, since);

    private void RunAll()
    {
        _current = this;
        do
        {
            Action work = _work!;
            _work = null;
            work();
        }
        while (_queue.Continue(this));

        _current = null;
    }
}
