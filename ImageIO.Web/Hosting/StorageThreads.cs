using ImageIO.Core.Backends;

namespace ImageIO.Web.Hosting;

/// <summary>
/// The daemon's threads for storage calls. The runtime's pool would wake a second thread for each call, and add threads
/// only slowly when all are blocked.
/// </summary>
/// <remarks>
/// Reuses the thread that became idle last, because its stack and caches are still warm. Idle threads end after a
/// while.
/// </remarks>
internal sealed partial class StorageThreads(ILogger<StorageThreads> logger) : IStorageThreads
{
    // A busy thread takes about 40 KiB of memory (docs/configuration.md). The systemd unit permits 1024 threads in all.
    private const int MostThreads = 512;

    private const int StackSize = 512 * 1024;

    private readonly Lock _lock = new();

    // Guarded by the lock. The last one became idle last.
    private readonly List<Worker> _idle = [];
    private int _count;
    private bool _isRefused;

    /// <inheritdoc />
    public int Most => MostThreads;

    /// <summary>Threads that exist.</summary>
    internal int Count => Volatile.Read(ref _count);

    /// <inheritdoc />
    public bool TryRun(Action work, bool mayStart)
    {
        Worker? worker = null;
        lock (_lock)
        {
            if (_idle.Count > 0)
            {
                worker = _idle[^1];
                _idle.RemoveAt(_idle.Count - 1);
            }
        }

        if (worker is null)
        {
            return mayStart && TryStart(work);
        }

        worker.Wake(work);
        return true;
    }

    private bool TryStart(Action work)
    {
        Interlocked.Increment(ref _count);
        var worker = new Worker(this, work);
        try
        {
            var thread = new Thread(static worker => ((Worker)worker!).Run(), StackSize)
            {
                IsBackground = true,
                Name = "storage",
            };
            thread.UnsafeStart(worker);
        }
        catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
        {
            // The runtime throws this when the system refuses a thread: pids.max of the control group, RLIMIT_NPROC, no
            // memory.
            Interlocked.Decrement(ref _count);
            worker.Dispose();
            NoteRefusal(isRefused: true);
            return false;
        }

        NoteRefusal(isRefused: false);
        return true;
    }

    // Logs the first refusal only, not each attempt.
    private void NoteRefusal(bool isRefused)
    {
        if (_isRefused != isRefused)
        {
            _isRefused = isRefused;
            if (isRefused)
            {
                Log.Refused(logger, Count);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(80, LogLevel.Warning, "The system refuses further threads; storage calls wait for the {Count} "
            + "that there are. See TasksMax in the unit, and ulimit -u")]
        public static partial void Refused(ILogger logger, int count);
    }
}
