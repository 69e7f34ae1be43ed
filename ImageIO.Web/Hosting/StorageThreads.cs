using System.Runtime.InteropServices;
using ImageIO.Core.Backends;

namespace ImageIO.Web.Hosting;

/// <summary>
/// The daemon's threads for storage. The runtime's pool would wake a second thread for each piece of work, and start new
/// ones only slowly when all of them are blocked.
/// </summary>
/// <remarks>
/// The thread that became idle last is used first: its stack and caches are still warm. Idle threads end after a while. A
/// few threads serve storage that answers at once, however many calls there are. Work that has waited for a moment gets a
/// further thread, because the others are blocked.
/// </remarks>
internal sealed unsafe partial class StorageThreads : IStorageThreads
{
    /// <summary>
    /// Threads that are started without a wait: enough for the depth at which devices are fastest, on several images.
    /// </summary>
    internal const int Few = 32;

    /// <summary>
    /// Most threads. Each transfer has a few calls under way, and buffers bound those of all (64 of 1 MiB by default), so
    /// this is reached only when storage blocks that many requests; more of them wait for their turn.
    /// </summary>
    internal const int Most = 256;

    private const int IdleSeconds = 20;
    private const int StackSize = 512 * 1024;

    [ThreadStatic]
    private static StorageThreads? _ofThisThread;

    private readonly Lock _lock = new();
    private readonly TimeSpan _patience;
    private readonly ITimer _watch;

    // Guarded by the lock. The last one was idle last.
    private readonly List<Worker> _idle = [];
    private readonly Queue<(Action Work, long Since)> _waiting = new();
    private int _count;

    /// <param name="patience">How long work may wait before it gets a thread beyond the few.</param>
    internal StorageThreads(TimeSpan patience)
    {
        _patience = patience;
        _watch = TimeProvider.System.CreateTimer(
            static threads => ((StorageThreads)threads!).StartForWaiting(),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
    }

    /// <summary>Creates threads with the usual patience.</summary>
    public StorageThreads()
        : this(TimeSpan.FromMilliseconds(50))
    {
    }

    /// <inheritdoc />
    public bool IsCurrent => _ofThisThread == this;

    /// <summary>Threads that exist.</summary>
    internal int Count => _count;

    /// <inheritdoc />
    public void Run(Action work)
    {
        Worker? worker = null;
        lock (_lock)
        {
            if (_idle.Count > 0)
            {
                worker = _idle[^1];
                _idle.RemoveAt(_idle.Count - 1);
            }
            else if (_count < Few)
            {
                _count++;
            }
            else
            {
                if (_waiting.Count == 0)
                {
                    _watch.Change(_patience, Timeout.InfiniteTimeSpan);
                }

                _waiting.Enqueue((work, TimeProvider.System.GetTimestamp()));
                return;
            }
        }

        if (worker is not null)
        {
            worker.Wake(work);
        }
        else
        {
            Start(work);
        }
    }

    private void StartForWaiting()
    {
        var overdue = new List<Action>();
        lock (_lock)
        {
            while (_count < Most
                && _waiting.TryPeek(out (Action Work, long Since) oldest)
                && TimeProvider.System.GetElapsedTime(oldest.Since) >= _patience)
            {
                overdue.Add(_waiting.Dequeue().Work);
                _count++;
            }

            if (_waiting.Count > 0)
            {
                _watch.Change(_patience, Timeout.InfiniteTimeSpan);
            }
        }

        overdue.ForEach(Start);
    }

    private void Start(Action work)
    {
        var thread = new Thread(static worker => ((Worker)worker!).Run(), StackSize) { IsBackground = true, Name = "storage" };
        thread.UnsafeStart(new Worker(this, work));
    }

    // sem_timedwait(3) with the clock's time of the end.
    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;
    }

    private sealed partial class Worker
    {
        // sem_t: 32 bytes with glibc and musl. A semaphore costs one system call to wake and one to wait.
        private const int SemaphoreSize = 64;

        private readonly nint _semaphore = (nint)NativeMemory.AllocZeroed(SemaphoreSize);
        private readonly StorageThreads _owner;
        private Action? _work;

        internal Worker(StorageThreads owner, Action work)
        {
            _owner = owner;
            _work = work;
            _ = Initialize(_semaphore, shared: 0, value: 0);
        }

        internal void Wake(Action work)
        {
            _work = work;
            _ = Post(_semaphore);
        }

        internal void Run()
        {
            _ofThisThread = _owner;
            do
            {
                Action work = _work!;
                _work = null;
                work();
            }
            while (HasMore() || IsWoken());

            _ = Destroy(_semaphore);
            NativeMemory.Free((void*)_semaphore);
        }

        private bool HasMore()
        {
            lock (_owner._lock)
            {
                if (_owner._waiting.TryDequeue(out (Action Work, long Since) next))
                {
                    _work = next.Work;
                    return true;
                }

                _owner._idle.Add(this);
                return false;
            }
        }

        // False: idle for too long, and nobody can wake it any more.
        private bool IsWoken()
        {
            long end = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + IdleSeconds;
            while (true)
            {
                var until = new Time { Seconds = end };
                if (WaitUntil(_semaphore, &until) == 0)
                {
                    return true;
                }

                if (Marshal.GetLastPInvokeError() == EINTR)
                {
                    continue;
                }

                lock (_owner._lock)
                {
                    if (_owner._idle.Remove(this))
                    {
                        _owner._count--;
                        return false;
                    }
                }

                // It was chosen a moment ago: the work is on its way.
                end = long.MaxValue / 2;
            }
        }

        private const int EINTR = 4; // errno(3)

        [LibraryImport("libc", EntryPoint = "sem_init")]
        private static partial int Initialize(nint semaphore, int shared, uint value);

        [LibraryImport("libc", EntryPoint = "sem_post")]
        private static partial int Post(nint semaphore);

        [LibraryImport("libc", EntryPoint = "sem_timedwait", SetLastError = true)]
        private static partial int WaitUntil(nint semaphore, Time* end);

        [LibraryImport("libc", EntryPoint = "sem_destroy")]
        private static partial int Destroy(nint semaphore);
    }
}
