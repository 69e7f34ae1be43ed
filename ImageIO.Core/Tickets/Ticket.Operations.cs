using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Tickets;

public sealed partial class Ticket
{
    // With the moment when each began.
    private readonly Dictionary<IOperation, long> _running = [];
    private readonly DistinctBytes _transferred = new();
    private bool _canceled;
    private OperationWaits _waits;

    // Completes when a cancelled ticket is no longer in use. Null before the ticket is cancelled.
    private TaskCompletionSource? _unused;

    /// <summary>Whether an operation runs, or the image is being opened or closed.</summary>
    public bool IsActive
    {
        get
        {
            lock (_lock)
            {
                return InUse;
            }
        }
    }

    // Called under the lock.
    private bool InUse => _running.Count + _openingsAndClosings > 0;

    /// <summary>Whether the ticket was cancelled: running operations stop, and new ones are refused.</summary>
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

    /// <summary>Distinct bytes transferred, running operations included. Never too many.</summary>
    public long Transferred
    {
        get
        {
            lock (_lock)
            {
                foreach (IOperation operation in _running.Keys)
                {
                    // Progress can be added at any time, because adding the same bytes again changes nothing.
                    AddProgress(operation);
                }

                return _transferred.Count;
            }
        }
    }

    /// <summary>The waits of its operations, ended and running, since the ticket was installed.</summary>
    public OperationWaits Waits
    {
        get
        {
            lock (_lock)
            {
                return _running.Aggregate(
                    _waits, (waits, running) => waits.With(running.Key, _time.GetElapsedTime(running.Value)));
            }
        }
    }

    /// <summary>Runs an operation under this ticket: it is counted, and stops when the ticket is cancelled.</summary>
    /// <param name="operation">Not yet run.</param>
    /// <param name="cancellationToken">Set when the client has disconnected.</param>
    /// <exception cref="TransferException"><see cref="TransferError.TicketCanceled"/>, before or while it
    /// ran.</exception>
    public async Task RunAsync(IOperation operation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(operation);
        lock (_lock)
        {
            if (_canceled)
            {
                throw Canceled();
            }

            _running.Add(operation, _time.GetTimestamp());
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
            OperationEnded(operation);
        }
    }

    /// <summary>
    /// Cancels the ticket: running operations stop after their current buffer, new ones are refused, and the image is
    /// closed. Waits for all of that, at most for <paramref name="wait"/>.
    /// </summary>
    /// <param name="wait">How long to wait.</param>
    /// <returns>False if the ticket is still in use after that time. Call again to wait again.</returns>
    public async Task<bool> CancelAsync(TimeSpan wait)
    {
        try
        {
            await Cancel().WaitAsync(wait, _time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Cancels the ticket without waiting.</summary>
    /// <param name="whenUnused">Called when nothing runs and the image is closed, perhaps before this returns.</param>
    public void Cancel(Action whenUnused) => Cancel().ContinueWith(
        (_, action) => ((Action)action!)(),
        whenUnused,
        CancellationToken.None,
        TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);

    /// <summary>Cancels the ticket if it is unused and no connection has its image open.</summary>
    /// <returns>Whether it was cancelled.</returns>
    internal bool CancelIfUnused()
    {
        lock (_lock)
        {
            _canceled |= !InUse && _holders.Count == 0;
            return _canceled && !InUse;
        }
    }

    // The task completes when the ticket is no longer in use.
    private Task Cancel()
    {
        TaskCompletionSource unused;
        lock (_lock)
        {
            _canceled = true;
            foreach (IOperation operation in _running.Keys)
            {
                operation.Cancel();
            }

            unused = _unused ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        EndIfUnused();
        return unused.Task;
    }

    private void OperationEnded(IOperation operation)
    {
        lock (_lock)
        {
            _running.Remove(operation, out long began);
            _waits = _waits.With(operation, _time.GetElapsedTime(began));
            AddProgress(operation);
            _lastUse = operation.IsUse ? NowSeconds : _lastUse;
        }

        EndIfUnused();
    }

    private void OpeningOrClosingEnded()
    {
        lock (_lock)
        {
            _openingsAndClosings--;
        }

        EndIfUnused();
    }

    // Ends a cancelled ticket: after the last operation the image is closed, then the connections drop the ticket, and
    // callers that wait for its removal continue.
    private void EndIfUnused()
    {
        ImageHandle? image;
        ImageLeases[] holders = [];
        lock (_lock)
        {
            if (!_canceled || InUse)
            {
                return;
            }

            image = TakeImageToClose();
            if (image is null)
            {
                holders = [.. _holders];
                _holders.Clear();
            }
        }

        if (image is not null)
        {
            // Calls this method again when the image is closed.
            _ = CloseImageAsync(image);
            return;
        }

        foreach (ImageLeases holder in holders)
        {
            holder.Forget(this);
        }

        _unused?.TrySetResult();
    }

    private void AddProgress(IOperation operation)
    {
        if (operation.Done is > 0 and var done)
        {
            _transferred.Add(ByteRange.At(operation.Offset, done));
        }
    }
}
