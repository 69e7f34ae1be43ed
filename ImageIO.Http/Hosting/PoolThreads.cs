namespace ImageIO.Http.Hosting;

/// <summary>
/// The threads of the runtime's pool: a fixed number, started once and kept. If the system refuses a thread (pids.max,
/// RLIMIT_NPROC) that the pool wants to add, the runtime ends the process, so the pool must never want one.
/// </summary>
/// <remarks>The programs' project files have the setting that keeps idle threads.</remarks>
public static class PoolThreads
{
    // Other threads serve sockets and storage. Work on these blocks only briefly, such as a name lookup, or a third
    // party's backend after an await of its own.
    private const int Fewest = 32;

    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(10);

    private static bool _isFixed;

    private static int Count => Math.Max(Fewest, Environment.ProcessorCount);

    /// <summary>Fixes the number. Call it at the start of a program.</summary>
    public static void Fix()
    {
        ThreadPool.GetMinThreads(out _, out int least);
        ThreadPool.GetMaxThreads(out _, out int most);
        _isFixed = ThreadPool.SetMaxThreads(Count, most) && ThreadPool.SetMinThreads(Count, least);
    }

    /// <summary>Starts all threads now, unless the number is not fixed.</summary>
    internal static void StartAll()
    {
        if (!_isFixed)
        {
            return;
        }

        // Each work item keeps its thread until all threads run. The caller is one of them.
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
