using System.Runtime.CompilerServices;

namespace ImageIO.Core.Backends;

/// <summary>
/// Keeps storage off the threads that serve sockets. Each of those carries many connections, and a call that blocks, as
/// every call to an NFS server out of reach does, would hold up all of them.
/// </summary>
/// <remarks>
/// Whether to hop is a question about the thread that asks, and asked once. A task that ends on the pool would not do: it
/// may have ended before it is awaited, and then who awaits it goes on where they are.
/// </remarks>
internal readonly struct PoolThread : ICriticalNotifyCompletion
{
    /// <summary>True: this is a thread of the pool, go on at once.</summary>
    public bool IsCompleted => Thread.CurrentThread.IsThreadPoolThread;

    /// <summary>Goes on with a thread of the pool; at once, if this is one.</summary>
    public static PoolThread SwitchAsync() => default;

    public PoolThread GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) =>
        ThreadPool.QueueUserWorkItem(static action => action(), continuation, preferLocal: false);

    public void UnsafeOnCompleted(Action continuation) =>
        ThreadPool.UnsafeQueueUserWorkItem(static action => action(), continuation, preferLocal: false);
}
