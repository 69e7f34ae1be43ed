using System.Runtime.CompilerServices;

namespace ImageIO.Core.Backends;

/// <summary>
/// Continues an async method on a thread for storage. The threads that serve sockets carry many connections each, and
/// the runtime's pool serves everybody: a call that blocks there would hold up all of them.
/// </summary>
/// <example><c>await StorageThread.SwitchAsync(share, cancellationToken);</c> in the method itself that then calls the
/// storage.</example>
/// <remarks>
/// Awaiting a task that ends on such a thread would not do: if the task has ended before it is awaited, the caller
/// stays on its own thread.
/// </remarks>
internal readonly struct StorageThread : ICriticalNotifyCompletion
{
    // Null: no such thread is needed.
    private readonly StorageShare? _share;
    private readonly bool _another;
    private readonly CancellationToken _cancellationToken;

    private StorageThread(StorageShare share, bool another, CancellationToken cancellationToken)
    {
        _share = share;
        _another = another;
        _cancellationToken = cancellationToken;
    }

    /// <summary>True: continue at once, because the image has this thread already or needs none.</summary>
    public bool IsCompleted => _share is null || (!_another && StorageTurn.CurrentShare == _share);

    /// <summary>Continues on a thread of the image's share; at once, if this is one.</summary>
    /// <param name="share">The image's.</param>
    /// <param name="cancellationToken">Ends the wait for a thread.</param>
    public static StorageThread SwitchAsync(StorageShare share, CancellationToken cancellationToken) =>
        new(share, another: false, cancellationToken);

    /// <summary>
    /// Continues on another thread of the share in any case, so that what follows runs beside the caller.
    /// </summary>
    /// <inheritdoc cref="SwitchAsync" path="/param" />
    public static StorageThread ForkAsync(StorageShare share, CancellationToken cancellationToken) =>
        new(share, another: true, cancellationToken);

    /// <summary>Continues on the same thread: the storage does not block.</summary>
    public static StorageThread Stay() => default;

    /// <summary>For <c>await</c>.</summary>
    public StorageThread GetAwaiter() => this;

    /// <summary>For <c>await</c>.</summary>
    /// <exception cref="OperationCanceledException">The wait for a thread was cancelled.</exception>
    public void GetResult()
    {
        if (_share is not null && StorageTurn.CurrentShare != _share)
        {
            throw new OperationCanceledException("The wait for a storage thread was canceled", _cancellationToken);
        }
    }

    /// <inheritdoc />
    public void OnCompleted(Action continuation)
    {
        ExecutionContext? context = ExecutionContext.Capture();
        UnsafeOnCompleted(context is null
            ? continuation
            : () => ExecutionContext.Run(context, static action => ((Action)action!)(), continuation));
    }

    /// <inheritdoc />
    public void UnsafeOnCompleted(Action continuation) => _share!.Queue.Run(_share, continuation, _cancellationToken);
}
