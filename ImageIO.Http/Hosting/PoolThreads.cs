namespace ImageIO.Http.Hosting;

/// <summary>
/// The threads of the runtime's pool: a fixed number, which are started once and stay. When the system refuses a thread
/// (pids.max, RLIMIT_NPROC) that the pool wants to add, the runtime ends the process; so it never wants to.
/// </summary>
/// <remarks>That idle ones stay is a setting in the programs' project files, which the runtime reads when it starts.</remarks>
public static class PoolThreads
{
    // Sockets are served by other threads, and storage by others again. What is left blocks for a moment only, as a lookup
    // of a name does, or a backend of a third party after an await of its own.
    private const int Fewest = 32;

    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(10);

    private static bool _isFixed;

    private static int Count => Math.Max(Fewest, Environment.ProcessorCount);

    /// <summary>Fixes the number. For a process of its own, at its start.</summary>
    public static void Fix()
    {
        ThreadPool.GetMinThreads(out _, out int least);
        ThreadPool.GetMaxThreads(out _, out int most);
        _isFixed = ThreadPool.SetMaxThreads(Count, most) && ThreadPool.SetMinThreads(Count, least);
    }

    /// <summary>Starts all of them now, unless the number is not fixed.</summary>
    internal static void StartAll()
    {
        if (!_isFixed)
        {
            return;
        }

        // Each holds its thread until all have one; the caller has one already.
        var all = new CountdownEvent(Count - 1);
        for (int i = 1; i < Count; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static all =>
                {
                    all.Signal();
                    all.Wait(LongestStart);
                },
                all,
                preferLocal: false);
        }

        all.Wait(LongestStart);
    }
}
