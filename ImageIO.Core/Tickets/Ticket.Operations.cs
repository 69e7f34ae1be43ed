using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Tickets;

public sealed partial class Ticket
{
    private readonly HashSet<IOperation> _running = [];
    private readonly RangeSet _transferred = new();
    private bool _canceled;

    // Completed when nothing runs any more. Exists only while a cancelled ticket waits for that.
    private TaskCompletionSource? _drained;

    // What is left to do when a cancelled ticket that nobody waits for has drained.
    private Action? _whenDrained;

    /// <summary>Whether an operation is running.</summary>
    public bool IsActive
    {
        get
        {
            lock (_lock)
            {
                return _running.Count > 0;
            }
        }
    }

    /// <summary>Whether it was cancelled: what runs stops, nothing new starts.</summary>
    public bool IsCanceled
    {
        get
        {
            lock (_lock)
            {
                return _canceled;
            }
        }
    }

    /// <summary>Distinct bytes transferred, with the progress of what runs.</summary>
    public long Transferred
    {
        get
        {
            lock (_lock)
            {
                foreach (IOperation operation in _running)
                {
                    // Adding the same bytes again later changes nothing, so progress may be added at any time.
                    AddProgress(operation);
                }

                return _transferred.Sum;
            }
        }
    }

    /// <summary>Runs an operation under this ticket: counted as active, and stopped when the ticket is cancelled.</summary>
    /// <param name="operation">Not yet run.</param>
    /// <param name="cancellationToken">The client's: set when it has gone.</param>
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>, before or while it ran.</exception>
    public async Task RunAsync(IOperation operation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(operation);
        lock (_lock)
        {
            if (_canceled)
            {
                throw Canceled();
            }

            _running.Add(operation);
        }

        try
        {
            await operation.RunAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (IsCanceled && !cancellationToken.IsCancellationRequested)
        {
            throw Canceled();
        }
        finally
        {
            await EndedAsync(operation);
        }
    }

    /// <summary>
    /// Cancels the ticket: running operations stop after their current buffer, new ones are refused. Waits for them,
    /// then closes the image.
    /// </summary>
    /// <param name="wait">How long to wait for running operations.</param>
    /// <returns>False when operations still run after that time; call again to wait again.</returns>
    public async Task<bool> CancelAsync(TimeSpan wait)
    {
        if (Cancel() is { } drained)
        {
            try
            {
                await drained.WaitAsync(wait, _time);
            }
            catch (TimeoutException)
            {
                return false;
            }
        }

        await CloseImageAsync();
        return true;
    }

    /// <summary>Cancels the ticket without waiting.</summary>
    /// <param name="whenDrained">Called when nothing runs any more and the image is closed; perhaps before this returns.</param>
    public async Task CancelAsync(Action whenDrained)
    {
        lock (_lock)
        {
            _whenDrained = whenDrained;
        }

        if (Cancel() is null)
        {
            await FinishAsync();
        }
    }

    // The task to wait for, or null when nothing runs.
    private Task? Cancel()
    {
        lock (_lock)
        {
            _canceled = true;
            foreach (IOperation operation in _running)
            {
                operation.Cancel();
            }

            if (_running.Count == 0)
            {
                return null;
            }

            _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _drained.Task;
        }
    }

    private async ValueTask EndedAsync(IOperation operation)
    {
        bool finish;
        lock (_lock)
        {
            _running.Remove(operation);
            AddProgress(operation);
            _lastUse = NowSeconds;
            finish = _canceled && _running.Count == 0;
        }

        if (finish)
        {
            await FinishAsync();
        }
    }

    private async ValueTask FinishAsync()
    {
        try
        {
            await CloseImageAsync();
        }
        finally
        {
            // Also when the storage reports an error as it closes: nothing of the ticket is left that could be waited for.
            Action? whenDrained;
            TaskCompletionSource? drained;
            lock (_lock)
            {
                (whenDrained, _whenDrained) = (_whenDrained, null);
                (drained, _drained) = (_drained, null);
            }

            whenDrained?.Invoke();
            drained?.SetResult();
        }
    }

    private void AddProgress(IOperation operation)
    {
        if (operation.Done is > 0 and var done)
        {
            _transferred.Add(ByteRange.At(operation.Offset, done));
        }
    }
}
