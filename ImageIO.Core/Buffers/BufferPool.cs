using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace ImageIO.Core.Buffers;

/// <summary>
/// The aligned buffers of all running operations, with a hard ceiling: the process's memory for image data, and the
/// back-pressure. An operation that gets no buffer does not read from its client. Thread-safe.
/// </summary>
/// <remarks>
/// Rule for users: wait for a buffer only while holding none. With one in hand, use <see cref="TryRent"/> and go on
/// with fewer. Then no two operations can wait for each other, and a full pool slows everybody to one buffer.
/// </remarks>
public sealed class BufferPool : IDisposable
{
    /// <summary>Smallest buffer handed out, in bytes: what a small request costs.</summary>
    public const int SmallestBuffer = 64 * 1024;

    // What stays allocated, in bytes, when no operation runs: enough that the next small request allocates nothing.
    private const int KeptWhenIdle = 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, Stack<AlignedBuffer>> _free = [];

    // In the order they came; nobody in here has been served or has given up.
    private readonly LinkedList<Waiter> _waiters = [];
    private long _rented;
    private long _kept;
    private bool _disposed;

    /// <summary>Creates a pool.</summary>
    /// <param name="ceiling">Most bytes that exist at once, rented and kept together.</param>
    /// <exception cref="ArgumentOutOfRangeException">The ceiling is below <see cref="SmallestBuffer"/>.</exception>
    public BufferPool(long ceiling)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ceiling, SmallestBuffer);
        Ceiling = ceiling;
    }

    /// <summary>Most bytes that exist at once.</summary>
    public long Ceiling { get; }

    /// <summary>Bytes that operations hold now.</summary>
    public long RentedBytes
    {
        get
        {
            lock (_lock)
            {
                return _rented;
            }
        }
    }

    /// <summary>Bytes allocated now, held by operations or kept for the next.</summary>
    public long AllocatedBytes
    {
        get
        {
            lock (_lock)
            {
                return _rented + _kept;
            }
        }
    }

    /// <summary>Takes a buffer, waiting in line while the ceiling is reached. The caller must hold no other buffer.</summary>
    /// <param name="length">Bytes wanted; the buffer has at least that many.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is not positive, or no buffer under the ceiling is so large.</exception>
    public ValueTask<AlignedBuffer> RentAsync(int length, CancellationToken cancellationToken)
    {
        int size = SizeFor(length);
        Waiter waiter;
        lock (_lock)
        {
            if (_waiters.Count == 0 && TryTake(size, out AlignedBuffer? buffer))
            {
                return ValueTask.FromResult(buffer);
            }

            waiter = new Waiter(size);
            _waiters.AddLast(waiter);
        }

        return WaitAsync(waiter, cancellationToken);
    }

    /// <summary>Takes a buffer if one is free and nobody waits for one.</summary>
    /// <param name="length">Bytes wanted; the buffer has at least that many.</param>
    /// <param name="buffer">The buffer.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is not positive, or no buffer under the ceiling is so large.</exception>
    public bool TryRent(int length, [NotNullWhen(true)] out AlignedBuffer? buffer)
    {
        int size = SizeFor(length);
        lock (_lock)
        {
            buffer = null;
            return _waiters.Count == 0 && TryTake(size, out buffer);
        }
    }

    /// <summary>Frees what is kept. Buffers still held are freed when they come back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            FreeKept(0);
        }
    }

    internal void Return(AlignedBuffer buffer)
    {
        lock (_lock)
        {
            _rented -= buffer.Length;
            _kept += buffer.Length;
            StackOf(buffer.Length).Push(buffer);
            ServeWaiters();
            if (_disposed)
            {
                FreeKept(0);
            }
            else if (_rented == 0)
            {
                FreeKept(KeptWhenIdle);
            }
        }
    }

    // Powers of two: few sizes, so that a returned buffer suits the next operation.
    private int SizeFor(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        long size = Math.Max(SmallestBuffer, (long)BitOperations.RoundUpToPowerOf2((uint)length));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, Math.Min(Ceiling, 1 << 30), nameof(length));
        return (int)size;
    }

    private async ValueTask<AlignedBuffer> WaitAsync(Waiter waiter, CancellationToken cancellationToken)
    {
        await using CancellationTokenRegistration registration =
            cancellationToken.Register(() => GiveUp(waiter, cancellationToken));
        return await waiter.Given.Task;
    }

    // Those behind it may be served now: it may have been the large one that they had to wait for.
    private void GiveUp(Waiter waiter, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_waiters.Remove(waiter))
            {
                waiter.Given.SetCanceled(cancellationToken);
                ServeWaiters();
            }
        }
    }

    private void ServeWaiters()
    {
        while (_waiters.First is { Value: var first } && TryTake(first.Size, out AlignedBuffer? buffer))
        {
            _waiters.RemoveFirst();
            first.Given.SetResult(buffer);
        }
    }

    private bool TryTake(int size, [NotNullWhen(true)] out AlignedBuffer? buffer)
    {
        if (StackOf(size).TryPop(out buffer))
        {
            _kept -= size;
        }
        else
        {
            if (_rented + _kept + size > Ceiling)
            {
                FreeKept(Math.Max(0, Ceiling - _rented - size));
                if (_rented + _kept + size > Ceiling)
                {
                    return false;
                }
            }

            buffer = new AlignedBuffer(this, size);
        }

        buffer.MarkRented();
        _rented += size;
        return true;
    }

    private void FreeKept(long keep)
    {
        if (_kept <= keep)
        {
            return;
        }

        // Large ones first: the small ones serve the many small requests.
        foreach (int size in _free.Keys.OrderDescending())
        {
            while (_kept > keep && _free[size].TryPop(out AlignedBuffer? buffer))
            {
                _kept -= size;
                buffer.Free();
            }
        }
    }

    private Stack<AlignedBuffer> StackOf(int size)
    {
        if (!_free.TryGetValue(size, out Stack<AlignedBuffer>? stack))
        {
            _free[size] = stack = new Stack<AlignedBuffer>();
        }

        return stack;
    }

    private sealed class Waiter(int size)
    {
        public int Size { get; } = size;

        // Completed under the pool's lock, so its continuation must not run there.
        public TaskCompletionSource<AlignedBuffer> Given { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
