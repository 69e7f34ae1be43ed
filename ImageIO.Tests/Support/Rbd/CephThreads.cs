namespace ImageIO.Tests.Support.Rbd;

/// <summary>Threads of this process that are there for Ceph; those of tests that run beside come and go.</summary>
internal static class CephThreads
{
    // The backend's own, and those of librados and librbd.
    private static readonly string[] Names =
    [
        "rbd-", "msgr-worker", "io_context_pool", "ms_", "safe_timer", "fn_", "taskfin", "tp_", "service",
    ];

    public static int Count() => Directory.GetDirectories("/proc/self/task").Count(IsCephs);

    private static bool IsCephs(string task)
    {
        try
        {
            string name = File.ReadAllText(Path.Combine(task, "comm"));
            return Names.Any(each => name.StartsWith(each, StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false; // it has ended meanwhile
        }
    }
}
