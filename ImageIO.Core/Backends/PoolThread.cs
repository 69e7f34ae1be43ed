using System.Runtime.CompilerServices;

namespace ImageIO.Core.Backends;

/// <summary>
/// Keeps storage off the threads that serve sockets. Each of those carries many connections, and a call that blocks, as
/// every call to an NFS server out of reach does, would hold up all of them.
/// </summary>
/// <example><c>await PoolThread.SwitchAsync();</c> in the method itself that then calls the storage.</example>
/// <remarks>
/// Whether to hop is a question about the thread that asks, and asked once. A task that ends on the pool would not do: it
/// may have ended before it is awaited, and then who awaits it goes on where they are.
/// </remarks>
public readonly struct PoolThread : ICriticalNotifyCompletion
{
    private readonly bool _another;

    private PoolThread(bool another) => _another = another;

    /// <summary>True: this is a thread that may block, go on at once.</summary>
    public bool IsCompleted => !_another && (StorageThreads.IsCurrent || Thread.CurrentThread.IsThreadPoolThread);

    /// <summary>Goes on with a thread that may block; at once, if this is one.</summary>
    public static PoolThread SwitchAsync() => default;

    /// <summary>Goes on with another such thread in any case: what follows runs beside the caller.</summary>
    internal static PoolThread ForkAsync() => new(another: true);

    /// <summary>For <c>await</c>.</summary>
    public PoolThread GetAwaiter() => this;

    /// <summary>For <c>await</c>; there is nothing to get.</summary>
    public void GetResult()
    {
    }

    /// <inheritdoc />
    public void OnCompleted(Action continuation)
    {
        ExecutionContext? context = ExecutionContext.Capture();
        StorageThreads.Shared.Run(context is null
            ? continuation
            : () => ExecutionContext.Run(context, static action => ((Action)action!)(), continuation));
    }

    /// <inheritdoc />
    public void UnsafeOnCompleted(Action continuation) => StorageThreads.Shared.Run(continuation);
}
