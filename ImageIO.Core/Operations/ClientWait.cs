using System.Threading.Tasks.Sources;

namespace ImageIO.Core.Operations;

/// <summary>
/// An upload's wait for its client's next bytes, without memory for them, which the pool can interrupt.
/// </summary>
/// <remarks>
/// The wait is a read of no bytes. An interrupted read is left running, because the server's streams cannot continue
/// after a cancelled one; the next wait is for the same read.
/// </remarks>
internal sealed class ClientWait(Stream client) : IValueTaskSource<bool>
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _core;
    private ValueTask<int> _read;

    // Guarded by the lock.
    private bool _isReading;
    private bool _isWaiting;
    private bool _isInterrupted;
    private Exception? _failure;

    /// <summary>Waits until a read finds bytes, the end or a failure without waiting.</summary>
    /// <returns>False: it was interrupted.</returns>
    public ValueTask<bool> WaitAsync()
    {
        bool isReading;
        lock (_lock)
        {
            isReading = _isReading || _failure is not null;
        }

        if (!isReading)
        {
            ValueTask<int> read = client.ReadAsync(Memory<byte>.Empty, CancellationToken.None);
            if (read.IsCompleted)
            {
                _ = read.GetAwaiter().GetResult();
                return ValueTask.FromResult(true);
            }

            _read = read;
            _isReading = true;
            _read.GetAwaiter().UnsafeOnCompleted(ReadEnded);
        }

        lock (_lock)
        {
            if (!_isReading)
            {
                return TakeFailure() is { } failure
                    ? ValueTask.FromException<bool>(failure)
                    : ValueTask.FromResult(true);
            }

            if (_isInterrupted)
            {
                _isInterrupted = false;
                return ValueTask.FromResult(false);
            }

            _core.Reset();
            _isWaiting = true;
            return new ValueTask<bool>(this, _core.Version);
        }
    }

    /// <summary>Interrupts the wait, or the next one. May be called on any thread.</summary>
    public void Interrupt()
    {
        lock (_lock)
        {
            if (!_isWaiting)
            {
                _isInterrupted = true;
                return;
            }

            _isWaiting = false;
        }

        // Not on the caller's thread, which has work of its own.
        ThreadPool.UnsafeQueueUserWorkItem(static wait => wait._core.SetResult(false), this, preferLocal: false);
    }

    bool IValueTaskSource<bool>.GetResult(short token)
    {
        bool arrived = _core.GetResult(token);
        return arrived && TakeFailure() is { } failure ? throw failure : arrived;
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void ReadEnded()
    {
        Exception? failure = null;
        try
        {
            _ = _read.GetAwaiter().GetResult();
        }
        catch (Exception e)
        {
            // For the operation, which waits for it now or will.
            failure = e;
        }

        lock (_lock)
        {
            _failure = failure;
            _isReading = false;
            if (!_isWaiting)
            {
                return;
            }

            _isWaiting = false;
        }

        // On this thread, which brought the bytes.
        _core.SetResult(true);
    }

    private Exception? TakeFailure()
    {
        (Exception? failure, _failure) = (_failure, null);
        return failure;
    }
}
