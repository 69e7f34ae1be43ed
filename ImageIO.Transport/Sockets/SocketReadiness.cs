using System.Runtime.InteropServices;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// What one socket is ready for, told to the two that may wait for it: the one that reads and the one that writes.
/// </summary>
/// <remarks>
/// TLS may want to write in order to read, and the other way round, so each of the two waits for what its last attempt
/// wanted, whichever that is. A wait may end early: who waits tries again and finds out.
/// <para>
/// A transfer that is busy finds what it needs without waiting, while each packet would wake the loop's thread for
/// nothing. So what nobody waits for is heard of once, then only the peer's end is watched for, until somebody waits
/// again.
/// </para>
/// </remarks>
internal sealed class SocketReadiness
{
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private EventLoop? _loop;
    private SafeHandle? _socket;
    private ulong _number;

    private Action<SocketEvents>? _peerLeft;

    // Ends that came while nobody was told of them: a client may have left before its connection was opened.
    private SocketEvents _missedEnds;

    private volatile bool _isWatched = true;

    internal SocketReadiness()
    {
        Reader = new SocketWait(Watch);
        Writer = new SocketWait(Watch);
    }

    /// <summary>For the one that reads.</summary>
    internal SocketWait Reader { get; }

    /// <summary>For the one that writes.</summary>
    internal SocketWait Writer { get; }

    /// <summary>Whether more than the end of the peer is heard of.</summary>
    internal bool IsWatched => _isWatched;

    /// <summary>
    /// Whether an attempt to read may find something: nothing was heard of since the last one that did not.
    /// </summary>
    internal bool IsWorthReading => Reader.HasHeard || !_isWatched;

    /// <summary>
    /// Called on the loop's thread when the peer sends no more, has hung up, or the connection broke; perhaps more than
    /// once. If that happened before this is set, it is called on the thread pool.
    /// </summary>
    internal Action<SocketEvents>? PeerLeft
    {
        get
        {
            lock (_lock)
            {
                return _peerLeft;
            }
        }

        set
        {
            SocketEvents missed;
            lock (_lock)
            {
                _peerLeft = value;
                missed = value is null ? SocketEvents.None : _missedEnds;
                _missedEnds &= ~missed;
            }

            if (missed != SocketEvents.None)
            {
                ThreadPool.UnsafeQueueUserWorkItem(_ => value!(missed), null);
            }
        }
    }

    /// <summary>Hears of a socket from now on.</summary>
    /// <exception cref="IOException">The system refused it.</exception>
    internal void Join(EventLoop loop, SafeHandle socket)
    {
        lock (_lock)
        {
            _number = loop.Add(socket, this);
            (_loop, _socket) = (loop, socket);
        }
    }

    /// <summary>Hears of it no more; it may be closed.</summary>
    internal void Leave()
    {
        lock (_lock)
        {
            _loop?.Remove(_number);
            _loop = null;
        }
    }

    /// <summary>Something happened; what waited for it goes on on this thread, before this returns.</summary>
    internal void Signal(SocketEvents events)
    {
        // An end or an error is found by whoever tries next, whatever it waits for.
        const SocketEvents ends = SocketEvents.Error | SocketEvents.HangUp | SocketEvents.PeerClosed;
        SocketEvents wanted = (events & ends) == 0 ? events : events | SocketEvents.Any;
        // Whatever goes wrong in the one that goes on first, the others hear of it, too.
        try
        {
            Reader.Signal(wanted);
        }
        finally
        {
            try
            {
                Writer.Signal(wanted);
            }
            finally
            {
                if ((events & ends) != 0)
                {
                    TellOfEnd(events);
                }
                else
                {
                    WatchLess();
                }
            }
        }
    }

    /// <summary>Ends both waits, from any thread; what waited goes on on the thread pool.</summary>
    internal void Interrupt() => ThreadPool.UnsafeQueueUserWorkItem(
        static readiness =>
        {
            readiness.Reader.Signal(SocketEvents.Any);
            readiness.Writer.Signal(SocketEvents.Any);
        },
        this,
        preferLocal: false);

    private void TellOfEnd(SocketEvents events)
    {
        Action<SocketEvents>? peerLeft;
        lock (_lock)
        {
            peerLeft = _peerLeft;
            _missedEnds |= peerLeft is null ? events : SocketEvents.None;
        }

        peerLeft?.Invoke(events);
    }

    // Somebody waits: whatever happened meanwhile is told at once.
    private void Watch()
    {
        // That somebody waits is known before this is looked at; who looks away does the two in the other order.
        Interlocked.MemoryBarrier();
        if (_isWatched)
        {
            return;
        }

        lock (_lock)
        {
            if (!_isWatched)
            {
                _isWatched = true;
                _loop?.Change(_socket!, SocketEvents.All, _number);
            }
        }
    }

    // Who comes to wait from now on finds that it is not watched, or is found here.
    private void WatchLess()
    {
        lock (_lock)
        {
            if (_loop is null || !_isWatched)
            {
                return;
            }

            _isWatched = false;
            Interlocked.MemoryBarrier();
            if (Reader.IsWaiting || Writer.IsWaiting)
            {
                _isWatched = true;
                return;
            }

            _loop.Change(_socket!, SocketEvents.Ends, _number);
        }
    }
}
