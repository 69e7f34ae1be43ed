using System.Runtime.InteropServices;

namespace ImageIO.Core.Backends;

/// <summary>
/// The threads that storage is called on, which may block there. One is woken for a piece of work and for nothing else: the
/// runtime's pool, which looks for more work, wakes a second thread for each first, and starts new ones only slowly when
/// all of them are blocked.
/// </summary>
/// <remarks>
/// Who was idle last works next: its stack and its core's caches are warm. Idle threads end after a while.
/// </remarks>
internal static unsafe partial class StorageThreads
{
    /// <summary>
    /// Most threads. Each transfer has a few calls under way, and buffers bound those of all (64 of 1 MiB by default), so
    /// this is reached only when storage blocks that many requests; more of them wait for their turn.
    /// </summary>
    internal const int Most = 256;

    private const int IdleSeconds = 20;
    private const int StackSize = 512 * 1024;

    private static readonly Lock Gate = new();

    // Guarded by the gate. The last one was idle last.
    private static readonly List<Worker> Idle = [];
    private static readonly Queue<Action> Waiting = new();
    private static int _count;

    [ThreadStatic]
    private static bool _isOne;

    /// <summary>Whether the caller runs on one of them.</summary>
    internal static bool IsCurrent => _isOne;

    /// <summary>Threads there are.</summary>
    internal static int Count => _count;

    /// <summary>Runs work on one of them. It must not throw: nobody would hear of it.</summary>
    internal static void Run(Action work)
    {
        Worker? worker = null;
        lock (Gate)
        {
            if (Idle.Count > 0)
            {
                worker = Idle[^1];
                Idle.RemoveAt(Idle.Count - 1);
            }
            else if (_count < Most)
            {
                _count++;
            }
            else
            {
                Waiting.Enqueue(work);
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

    private static void Start(Action work)
    {
        var thread = new Thread(static worker => ((Worker)worker!).Run(), StackSize) { IsBackground = true, Name = "storage" };
        thread.UnsafeStart(new Worker(work));
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
        private Action? _work;

        internal Worker(Action work)
        {
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
            _isOne = true;
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
            lock (Gate)
            {
                if (Waiting.TryDequeue(out _work))
                {
                    return true;
                }

                Idle.Add(this);
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

                lock (Gate)
                {
                    if (Idle.Remove(this))
                    {
                        _count--;
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
