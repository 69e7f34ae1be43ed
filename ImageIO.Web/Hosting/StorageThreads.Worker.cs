using System.Runtime.InteropServices;

namespace ImageIO.Web.Hosting;

internal sealed partial class StorageThreads
{
    private const int IdleSeconds = 20;

    /// <summary>One thread and its semaphore.</summary>
    /// <remarks>
    /// A POSIX semaphore costs one system call to wake and one to wait, half the CPU of the runtime's monitors and
    /// events.
    /// </remarks>
    private sealed unsafe partial class Worker : IDisposable
    {
        // sem_t: 32 bytes with glibc and musl.
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

        public void Dispose()
        {
            _ = Destroy(_semaphore);
            NativeMemory.Free((void*)_semaphore);
        }

        internal void Wake(Action work)
        {
            _work = work;
            _ = Post(_semaphore);
        }

        internal void Run()
        {
            do
            {
                Action work = _work!;
                _work = null;
                work();
                lock (_owner._lock)
                {
                    _owner._idle.Add(this);
                }
            }
            while (IsWoken());

            Interlocked.Decrement(ref _owner._count);
            Dispose();
        }

        // False: idle for too long, and removed from the idle threads.
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
                        return false;
                    }
                }

                // It was chosen a moment ago, so work is about to arrive.
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

        // struct timespec of sem_timedwait(3): the absolute end.
        private struct Time
        {
            public long Seconds;
            public long Nanoseconds;
        }
    }
}
