using System.Runtime.CompilerServices;

namespace ImageIO.Core.Backends;

/// <summary>
/// Continues an async method on a thread for storage. The threads that serve sockets carry many connections each, and the
/// runtime's pool serves everybody: a call that blocks there would hold up all of them.
/// </summary>
/// <example><c>await StorageThread.SwitchAsync(threads);</c> in the method itself that then calls the storage.</example>
/// <remarks>
/// Awaiting a task that ends on such a thread would not do: if the task has ended before it is awaited, the caller stays
/// on its own thread.
/// </remarks>
internal readonly struct StorageThread : ICriticalNotifyCompletion
{
    // Null: no such thread is needed.
    private readonly IStorageThreads? _threads;
    private readonly bool _another;

    private StorageThread(IStorageThreads threads, bool another)
    {
        _threads = threads;
        _another = another;
    }

    /// <summary>True: continue at once, this is a thread for storage or no such thread is needed.</summary>
    public bool IsCompleted => _threads is null || (!_another && _threads.IsCurrent);

    /// <summary>Continues on a thread for storage; at once, if this is one.</summary>
    public static StorageThread SwitchAsync(IStorageThreads threads) => new(threads, another: false);

    /// <summary>Continues on another thread for storage in any case, so that what follows runs beside the caller.</summary>
    public static StorageThread ForkAsync(IStorageThreads threads) => new(threads, another: true);

    /// <summary>Continues on the same thread: the storage does not block.</summary>
    public static StorageThread Stay() => default;

    /// <summary>For <c>await</c>.</summary>
    public StorageThread GetAwaiter() => this;

    /// <summary>For <c>await</c>; there is nothing to get.</summary>
    public void GetResult()
    {
    }

    /// <inheritdoc />
    public void OnCompleted(Action continuation)
    {
        ExecutionContext? context = ExecutionContext.Capture();
        _threads!.Run(context is null
            ? continuation
            : () => ExecutionContext.Run(context, static action => ((Action)action!)(), continuation));
    }

    /// <inheritdoc />
    public void UnsafeOnCompleted(Action continuation) => _threads!.Run(continuation);
}
