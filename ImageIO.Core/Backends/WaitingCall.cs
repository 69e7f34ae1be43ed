namespace ImageIO.Core.Backends;

/// <summary>A call that waits for a storage thread.</summary>
/// <param name="share">The image it is for.</param>
/// <param name="work">The call.</param>
/// <param name="since">Timestamp since when it waits.</param>
internal sealed class WaitingCall(StorageShare share, Action work, long since)
{
    private CancellationTokenRegistration _cancellation;

    public StorageShare Share => share;

    public Action Work => work;

    public long Since => since;

    /// <summary>Its place in the queue. Null: it waits no more. Guarded by the queue's lock.</summary>
    public LinkedListNode<WaitingCall>? Node { get; set; }

    /// <summary>Ends the wait when the token is cancelled: the call then continues on no storage thread.</summary>
    public void CancelWith(CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.UnsafeRegister(static call => ((WaitingCall)call!).Cancel(), this);
        }
    }

    /// <summary>Runs the call, on a storage thread.</summary>
    public void Run()
    {
        _cancellation.Unregister();
        work();
    }

    /// <summary>Ends the wait, if it still waits.</summary>
    public void Cancel()
    {
        if (share.Queue.Remove(this))
        {
            // Not here: the canceling thread may hold a lock.
            ThreadPool.UnsafeQueueUserWorkItem(static work => work(), work, preferLocal: false);
        }
    }
}
