using ImageIO.Core.Errors;

namespace ImageIO.Core.Backends;

/// <summary>Counts the calls to an image that run now, so that it is closed behind the last one. Thread-safe.</summary>
internal sealed class CallsUnderWay
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // One more than there are calls, until the end begins.
    private int _count = 1;
    private int _isEnding;

    /// <summary>A call begins.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>: the image is being
    /// closed.</exception>
    public void Enter()
    {
        // Counted first: an end that begins now either is seen here or waits for this call.
        Interlocked.Increment(ref _count);
        if (Volatile.Read(ref _isEnding) != 0)
        {
            Leave();
            throw new TransferException(TransferError.TicketCanceled, "The image was closed, its ticket was removed");
        }
    }

    /// <summary>A call has ended.</summary>
    public void Leave()
    {
        if (Interlocked.Decrement(ref _count) == 0)
        {
            _ended.TrySetResult();
        }
    }

    /// <summary>Lets no call begin from now on, and waits for the others. Called once.</summary>
    public Task EndAsync()
    {
        Interlocked.Exchange(ref _isEnding, 1);
        Leave();
        return _ended.Task;
    }
}
