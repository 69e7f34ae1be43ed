using System.Runtime.CompilerServices;

namespace ImageIO.Core.Backends;

/// <summary>Continues an async method on a storage thread, because a blocking call on a socket's thread or on the
/// runtime's pool would hold up others.</summary> <example><c>await StorageThread.SwitchAsync(share,
/// cancellationToken);</c> in the method that then calls the storage.</example>
/// <remarks>
/// A task that ends on such a thread would not do: if it has ended before it is awaited, the caller remains on its own
/// thread.
/// </remarks>
internal readonly struct StorageThread : ICriticalNotifyCompletion
{
    // Null: no storage thread is needed.
    private readonly StorageShare? _share;
    private readonly bool _another;
    private readonly CancellationToken _cancellationToken;

    private StorageThread(StorageShare share, bool another, CancellationToken cancellationToken)
    {
        _share = share;
        _another = another;
        _cancellationToken = cancellationToken;
    }

    /// <summary>True: continue at once, because the caller is on a thread of the image, or needs none.</summary>
    public bool IsCompleted => _share is null || (!_another && StorageTurn.CurrentShare == _share);

    /// <summary>Continues on a thread of the image's share; at once, if this is one.</summary>
    /// <param name="share">The image's share.</param>
    /// <param name="cancellationToken">Ends the wait for a thread.</param>
    public static StorageThread SwitchAsync(StorageShare share, CancellationToken cancellationToken) =>
        new(share, another: false, cancellationToken);

    /// <summary>Continues on another thread of the share, beside the caller.</summary>
    /// <inheritdoc cref="SwitchAsync" path="/param" />
    public static StorageThread ForkAsync(StorageShare share, CancellationToken cancellationToken) =>
        new(share, another: true, cancellationToken);

    /// <summary>Continues on the same thread, because the storage does not block.</summary>
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
