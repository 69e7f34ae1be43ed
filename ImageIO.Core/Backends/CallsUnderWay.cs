using ImageIO.Core.Errors;

namespace ImageIO.Core.Backends;

/// <summary>Counts the running calls to an image, so that it is closed after the last one. Thread-safe.</summary>
internal sealed class CallsUnderWay
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The number of calls, plus one until the end begins.
    private int _count = 1;
    private int _isEnding;

    /// <summary>Notes that a call begins.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>: the image is being
    /// closed.</exception>
    public void Enter()
    {
        // Counted first, so an end that begins now is either seen here or waits for this call.
        Interlocked.Increment(ref _count);
        if (Volatile.Read(ref _isEnding) != 0)
        {
            Leave();
            throw new TransferException(TransferError.TicketCanceled, "The image was closed, its ticket was removed");
        }
    }

    /// <summary>Notes that a call has ended.</summary>
    public void Leave()
    {
        if (Interlocked.Decrement(ref _count) == 0)
        {
            _ended.TrySetResult();
        }
    }

    /// <summary>Refuses further calls and waits for the running ones. Called once.</summary>
    public Task EndAsync()
    {
        Interlocked.Exchange(ref _isEnding, 1);
        Leave();
        return _ended.Task;
    }
}
