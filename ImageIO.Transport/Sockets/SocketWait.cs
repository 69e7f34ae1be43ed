using System.Threading.Tasks.Sources;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// The wait of one direction for its socket, without an allocation: try, and wait if the socket was not ready. Events
/// since <see cref="Arm"/> are remembered, so none is missed in between.
/// </summary>
/// <param name="waits">Called before a wait, so that the socket is watched.</param>
internal sealed class SocketWait(Action waits) : IValueTaskSource
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _core;

    // Guarded by the lock. Events since the last attempt, and those that a running wait is for. A new socket counts as
    // ready, because an attempt finds out.
    private SocketEvents _happened = SocketEvents.Any;
    private SocketEvents _awaited;
    private bool _isWaiting;

    /// <summary>Whether an event came since the last attempt.</summary>
    internal bool HasHeard
    {
        get
        {
            lock (_lock)
            {
                return _happened != SocketEvents.None;
            }
        }
    }

    internal bool IsWaiting
    {
        get
        {
            lock (_lock)
            {
                return _awaited != SocketEvents.None;
            }
        }
    }

    /// <summary>Forgets past events. Called before each attempt, which sees their effect.</summary>
    internal void Arm()
    {
        lock (_lock)
        {
            _happened = SocketEvents.None;
        }
    }

    /// <summary>Waits for one of these events. One wait at a time.</summary>
    /// <exception cref="OperationCanceledException">Canceled; nothing was lost.</exception>
    /// <exception cref="InvalidOperationException">Another wait has not ended.</exception>
    internal ValueTask WaitAsync(SocketEvents events, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if ((_happened & events) != 0)
            {
                return ValueTask.CompletedTask;
            }

            // Otherwise the running wait would never end.
            if (_isWaiting)
            {
                throw new InvalidOperationException("The socket is waited for already.");
            }

            _core.Reset();
            _awaited = events;
            _isWaiting = true;
        }

        waits();
        var wait = new ValueTask(this, _core.Version);
        return cancellationToken.CanBeCanceled ? WaitAsync(wait, cancellationToken) : wait;
    }

    /// <summary>Reports an event. A wait for it continues on this thread, before this returns.</summary>
    internal void Signal(SocketEvents events)
    {
        lock (_lock)
        {
            _happened |= events;
            if ((_awaited & events) == 0)
            {
                return;
            }

            _awaited = SocketEvents.None;
        }

        _core.SetResult(true);
    }

    void IValueTaskSource.GetResult(short token)
    {
        _core.GetResult(token);
        lock (_lock)
        {
            _isWaiting = false;
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    [System.Runtime.CompilerServices.AsyncMethodBuilder(
        typeof(System.Runtime.CompilerServices.PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitAsync(ValueTask wait, CancellationToken cancellationToken)
    {
        // Not on the thread that cancels, which may hold a lock. A wait may end early or late without harm.
        await using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static wait => ThreadPool.UnsafeQueueUserWorkItem(
                static wait => wait.Signal(SocketEvents.Any), (SocketWait)wait!, preferLocal: false),
            this);
        await wait;
        cancellationToken.ThrowIfCancellationRequested();
    }
}
