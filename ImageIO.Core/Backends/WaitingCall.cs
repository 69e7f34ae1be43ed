namespace ImageIO.Core.Backends;

/// <summary>A call that waits for a storage thread.</summary>
/// <param name="share">Its image.</param>
/// <param name="work">The call.</param>
/// <param name="since">Timestamp since when it waits.</param>
/// <param name="cancellationToken">Ends the wait: the call then continues on no storage thread.</param>
internal sealed class WaitingCall(StorageShare share, Action work, long since, CancellationToken cancellationToken)
{
    private CancellationTokenRegistration _cancellation;

    public StorageShare Share => share;

    public Action Work => work;

    public long Since => since;

    /// <summary>Its place in the queue. Null: it no longer waits. Guarded by the queue's lock.</summary>
    public LinkedListNode<WaitingCall>? Node { get; set; }

    /// <summary>From now on, cancelling ends the wait while the call is in the queue.</summary>
    public void ObserveCancellation()
    {
        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.UnsafeRegister(static call => ((WaitingCall)call!).Cancel(), this);
        }
    }

    /// <summary>
    /// Ends the wait if it was cancelled while the call was not in the queue. Called whenever it was put there.
    /// </summary>
    public void CancelIfRequested()
    {
        if (cancellationToken.IsCancellationRequested)
        {
            Cancel();
        }
    }

    /// <summary>Runs the call, on a storage thread.</summary>
    public void Run()
    {
        _cancellation.Unregister();
        work();
    }

    // Does nothing while it is not in the queue.
    private void Cancel()
    {
        if (share.Queue.Remove(this))
        {
            // Not here, because the canceling thread may hold a lock.
            ThreadPool.UnsafeQueueUserWorkItem(static work => work(), work, preferLocal: false);
        }
    }
}
