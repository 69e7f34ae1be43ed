namespace ImageIO.Core.Backends;

/// <summary>
/// Keeps storage off the threads that serve sockets. Each of those carries many connections, and a call that blocks, as
/// every call to an NFS server out of reach does, would hold up all of them.
/// </summary>
internal static class PoolThread
{
    /// <summary>Goes on with a thread of the pool; at once, if this is one.</summary>
    public static ValueTask SwitchAsync() =>
        Thread.CurrentThread.IsThreadPoolThread ? ValueTask.CompletedTask : HopAsync();

    private static async ValueTask HopAsync() => await Task.Yield();
}
