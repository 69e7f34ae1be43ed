using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;

namespace ImageIO.Core.Operations;

/// <summary>
/// The buffers of one operation: several storage calls under way, in the order of the image, and one buffer at the
/// client. Not thread-safe, except for what its <see cref="Loan"/> calls.
/// </summary>
/// <remarks>
/// They come from the shared pool as long as it has room and the client is not slow. The operation always moves on with
/// small buffers of its own: two, so that client and storage still work at the same time.
/// </remarks>
internal sealed class BufferRing
{
    private const int MostSmall = 2;

    // A client that moves a small buffer in this time, 1.25 MiB/s, may have large ones again.
    private static readonly TimeSpan SmallPatience = TimeSpan.FromMilliseconds(50);

    private readonly ImageHandle _image;
    private readonly Queue<RingSlot> _slots = new();
    private readonly Loan _loan;
    private int _small;
    private long _pooledBytes;
    private bool _isClientSlow;
    private bool _isOnLoan;

    /// <param name="image">The image.</param>
    /// <param name="recall">Ends the operation's wait for its client; it then calls <see cref="NoteRecall"/>.</param>
    public BufferRing(ImageHandle image, Action recall)
    {
        _image = image;
        _loan = new Loan(recall);
    }

    /// <summary>Storage calls under way, or done and not yet removed.</summary>
    public int Count => _slots.Count;

    /// <summary>The oldest of them.</summary>
    public RingSlot Oldest => _slots.Peek();

    /// <summary>
    /// Whether the client was too slow for buffers of the shared pool. Then an operation waits without a buffer where
    /// it can.
    /// </summary>
    public bool IsClientSlow => _isClientSlow;

    /// <summary>Takes a buffer.</summary>
    /// <param name="wanted">Bytes wanted, more than 0. The buffer may have fewer, but a whole block at least.</param>
    /// <returns>Null: the ring is full, the oldest call must be removed first. Never null when it is empty.</returns>
    public AlignedBuffer? TryTake(long wanted)
    {
        if (_slots.Count >= _image.Ring.QueueDepth)
        {
            return null;
        }

        int size = (int)Math.Min(wanted, _image.Ring.BufferSize);
        bool maySmall = Volatile.Read(ref _small) < (_isClientSlow ? 1 : MostSmall);
        if ((size > BufferPool.SmallBuffer || !maySmall)
            && !_isClientSlow
            && _image.Pool.TryRent(_image.Shared.Buffers, size, out AlignedBuffer? buffer))
        {
            Interlocked.Add(ref _pooledBytes, buffer.Length);
            return buffer;
        }

        if (!maySmall)
        {
            return null;
        }

        Interlocked.Increment(ref _small);
        return _image.Pool.RentSmall();
    }

    /// <summary>Gives a buffer back. May be called on any thread.</summary>
    public void Return(AlignedBuffer buffer)
    {
        if (buffer.IsPooled)
        {
            Interlocked.Add(ref _pooledBytes, -buffer.Length);
        }
        else
        {
            Interlocked.Decrement(ref _small);
        }

        ((IDisposable)buffer).Dispose();
    }

    /// <summary>Adds a storage call.</summary>
    public void Add(RingSlot slot) => _slots.Enqueue(slot);

    /// <summary>Removes the oldest call, and gives its buffer back if the ring holds it.</summary>
    public void RemoveOldest()
    {
        if (_slots.Dequeue().Buffer is { } buffer)
        {
            Return(buffer);
        }
    }

    /// <summary>Waits until no call is under way, whatever they end by, and gives all buffers back.</summary>
    public async ValueTask DrainAsync()
    {
        // In the order of completion, because the storage may take long for some.
        for (int i = _slots.Count; i > 0; i--)
        {
            RingSlot slot = _slots.Dequeue();
            if (!slot.Call.IsCompleted)
            {
                _slots.Enqueue(slot);
            }
            else if (slot.Buffer is not null)
            {
                Return(slot.Buffer);
            }
        }

        while (_slots.Count > 0)
        {
            await Oldest.Call.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            RemoveOldest();
        }
    }

    /// <summary>Now, on the clock of the loans.</summary>
    public long Now => _image.Pool.Clock.GetTimestamp();

    /// <summary>The operation waits for its client from now on, and can do without its buffers.</summary>
    /// <param name="since">Timestamp since when the client has had the buffer at hand.</param>
    public void ClientWaitStarts(long since)
    {
        _loan.Since = since;
        _loan.Bytes = Interlocked.Read(ref _pooledBytes);
        _isOnLoan = _loan.Bytes > 0;
        if (_isOnLoan)
        {
            _image.Pool.LoanBegins(_loan);
        }
    }

    /// <summary>The wait has ended.</summary>
    public void ClientWaitEnded()
    {
        if (_isOnLoan)
        {
            _isOnLoan = false;
            _image.Pool.LoanEnds(_loan);
        }
    }

    /// <summary>The pool has asked for the buffers: the operation continues with small ones.</summary>
    public void NoteRecall() => _isClientSlow = true;

    /// <summary>The client has moved a whole buffer.</summary>
    /// <param name="since">Timestamp since when it had it.</param>
    public void NoteClientMoved(long since) =>
        _isClientSlow = _isClientSlow && _image.Pool.Clock.GetElapsedTime(since) > SmallPatience;
}
