using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace ImageIO.Core.Buffers;

/// <summary>
/// The aligned buffers that make operations fast, up to a ceiling, and the small ones that each operation can always
/// have. Thread-safe.
/// </summary>
/// <remarks>
/// No operation waits for a buffer: one that the pool refuses continues with its small buffers. Buffers that wait for a
/// slow client are on loan (<see cref="Loan"/>). When an operation is refused, the pool recalls them, and the next
/// attempt finds them free.
/// </remarks>
public sealed class BufferPool : IDisposable
{
    /// <summary>Bytes of a small buffer: enough for a small request, and a whole block of every image.</summary>
    public const int SmallBuffer = 64 * 1024;

    // Bytes that remain allocated when no operation runs, so that the next small requests allocate nothing.
    private const int KeptWhenIdle = 1024 * 1024;

    // A client that keeps a buffer longer is slow (1 MiB in this time is 4 MiB/s), so another operation gets it.
    private static readonly TimeSpan ClientPatience = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly TimeProvider _time;

    // Guarded by the lock.
    private readonly Dictionary<int, Stack<AlignedBuffer>> _free = [];
    private readonly Stack<AlignedBuffer> _freeSmall = new();
    private readonly LinkedList<Loan> _loans = [];
    private long _rented;
    private long _kept;
    private long _small;
    private bool _disposed;

    /// <summary>Creates a pool.</summary>
    /// <param name="ceiling">Most bytes allocated at once, without the small buffers.</param>
    /// <param name="time">The clock. Null: the system's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The ceiling is below <see cref="SmallBuffer"/>.</exception>
    public BufferPool(long ceiling, TimeProvider? time = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ceiling, SmallBuffer);
        Ceiling = ceiling;
        _time = time ?? TimeProvider.System;
    }

    /// <summary>Most bytes allocated at once, without the small buffers.</summary>
    public long Ceiling { get; }

    /// <summary>Bytes that operations hold, without the small buffers.</summary>
    public long RentedBytes => Read(ref _rented);

    /// <summary>Bytes of small buffers that operations hold, at most two buffers each.</summary>
    public long SmallBytes => Read(ref _small);

    /// <summary>Bytes allocated, held by operations or kept for the next one, including small buffers.</summary>
    public long AllocatedBytes
    {
        get
        {
            lock (_lock)
            {
                return _rented + _kept + _small + ((long)_freeSmall.Count * SmallBuffer);
            }
        }
    }

    /// <summary>The clock for loans.</summary>
    internal TimeProvider Clock => _time;

    /// <summary>Frees idle buffers. Others are freed when they are returned.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            FreeKept(0);
            FreeSmall(0);
        }
    }

    /// <summary>
    /// Takes a buffer if the share has room for it. If not, recalls buffers from operations with slow clients.
    /// </summary>
    /// <param name="share">The share that takes it.</param>
    /// <param name="length">Bytes wanted; the buffer has at least that many.</param>
    /// <param name="buffer">The buffer.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is not positive, or above 1 GiB.</exception>
    internal bool TryRent(BufferShare share, int length, [NotNullWhen(true)] out AlignedBuffer? buffer)
    {
        int size = SizeFor(length);
        List<Loan> recalled;
        lock (_lock)
        {
            if (share.HasRoom(size, Ceiling - _rented))
            {
                buffer = Take(size, share);
                return true;
            }

            recalled = TakeOverdueLoans(size);
        }

        foreach (Loan loan in recalled)
        {
            loan.Recall();
        }

        buffer = null;
        return false;
    }

    /// <summary>Takes a buffer if the share has room for it, otherwise a small one.</summary>
    /// <param name="share">The share that takes it.</param>
    /// <param name="length">Bytes wanted; a small buffer may have fewer.</param>
    internal AlignedBuffer Rent(BufferShare share, int length) =>
        length > SmallBuffer && TryRent(share, length, out AlignedBuffer? buffer) ? buffer : RentSmall();

    /// <summary>Takes a small buffer. Never refused, because an operation takes at most two.</summary>
    internal AlignedBuffer RentSmall()
    {
        lock (_lock)
        {
            _small += SmallBuffer;
            AlignedBuffer buffer = _freeSmall.TryPop(out AlignedBuffer? kept)
                ? kept
                : new AlignedBuffer(this, SmallBuffer);
            buffer.MarkRented(share: null);
            return buffer;
        }
    }

    /// <summary>
    /// Notes that an operation waits for its client. Its buffers may be recalled until <see cref="LoanEnds"/>.
    /// </summary>
    internal void LoanBegins(Loan loan)
    {
        lock (_lock)
        {
            loan.Node = _loans.AddLast(loan);
        }
    }

    /// <summary>Notes that the client has continued.</summary>
    internal void LoanEnds(Loan loan)
    {
        lock (_lock)
        {
            if (loan.Node is not null)
            {
                _loans.Remove(loan.Node);
                loan.Node = null;
            }
        }
    }

    internal void Return(AlignedBuffer buffer, BufferShare? share)
    {
        lock (_lock)
        {
            if (share is null)
            {
                _small -= SmallBuffer;
                _freeSmall.Push(buffer);
            }
            else
            {
                share.Add(-buffer.Length);
                _rented -= buffer.Length;
                _kept += buffer.Length;
                StackOf(buffer.Length).Push(buffer);
            }

            if (_disposed || _rented == 0)
            {
                FreeKept(_disposed ? 0 : KeptWhenIdle);
            }

            FreeSmall(_disposed ? 0 : KeptWhenIdle / SmallBuffer);
        }
    }

    // Powers of two: with few sizes a returned buffer suits the next operation.
    private static int SizeFor(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, 1 << 30);
        return Math.Max(SmallBuffer, (int)BitOperations.RoundUpToPowerOf2((uint)length));
    }

    private AlignedBuffer Take(int size, BufferShare share)
    {
        if (StackOf(size).TryPop(out AlignedBuffer? buffer))
        {
            _kept -= size;
        }
        else
        {
            // The rented buffers leave enough room, so kept buffers of other sizes are freed.
            FreeKept(Math.Max(0, Ceiling - _rented - size));
            buffer = new AlignedBuffer(this, size);
        }

        buffer.MarkRented(share);
        share.Add(size);
        _rented += size;
        return buffer;
    }

    private List<Loan> TakeOverdueLoans(long needed)
    {
        List<Loan>? taken = null;
        long now = _time.GetTimestamp();
        for (LinkedListNode<Loan>? node = _loans.First; node is not null && needed > 0;)
        {
            Loan loan = node.Value;
            node = node.Next;
            if (_time.GetElapsedTime(loan.Since, now) >= ClientPatience)
            {
                _loans.Remove(loan.Node!);
                loan.Node = null;
                needed -= loan.Bytes;
                (taken ??= []).Add(loan);
            }
        }

        return taken ?? [];
    }

    private void FreeKept(long keep)
    {
        if (_kept <= keep)
        {
            return;
        }

        foreach (int size in _free.Keys.OrderDescending())
        {
            while (_kept > keep && _free[size].TryPop(out AlignedBuffer? buffer))
            {
                _kept -= size;
                buffer.Free();
            }
        }
    }

    private void FreeSmall(int keep)
    {
        while (_freeSmall.Count > keep)
        {
            _freeSmall.Pop().Free();
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

    private long Read(ref long count)
    {
        lock (_lock)
        {
            return count;
        }
    }
}
