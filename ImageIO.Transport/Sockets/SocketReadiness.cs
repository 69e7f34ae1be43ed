using System.Runtime.InteropServices;

namespace ImageIO.Transport.Sockets;

/// <summary>The events of one socket, reported to at most two waits: a reader's and a writer's.</summary>
/// <remarks>
/// TLS may write in order to read and the other way round, so each wait is for what its last attempt lacked. A wait may
/// end early, so the caller tries again.
/// <para>
/// A busy transfer finds bytes without waiting, while each packet would wake the loop's thread for nothing. So after an
/// event that nothing waits for, only the peer's end is watched for until the next wait.
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

    // Ends that came before the callback was set: a client may leave before its connection is opened.
    private SocketEvents _missedEnds;

    private volatile bool _isWatched = true;

    internal SocketReadiness()
    {
        Reader = new SocketWait(Watch);
        Writer = new SocketWait(Watch);
    }

    internal SocketWait Reader { get; }

    internal SocketWait Writer { get; }

    /// <summary>Whether more than the peer's end is watched for.</summary>
    internal bool IsWatched => _isWatched;

    /// <summary>Whether a read may find something: an event came since the last read that found nothing.</summary>
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

    /// <summary>Starts watching a socket.</summary>
    /// <exception cref="IOException">The system refused it.</exception>
    internal void Join(EventLoop loop, SafeHandle socket)
    {
        lock (_lock)
        {
            _number = loop.Add(socket, this);
            (_loop, _socket) = (loop, socket);
        }
    }

    /// <summary>Stops watching, so that the socket may be closed.</summary>
    internal void Leave()
    {
        lock (_lock)
        {
            _loop?.Remove(_number);
            _loop = null;
        }
    }

    /// <summary>Reports an event. Code that waits for it continues on this thread, before this returns.</summary>
    internal void Signal(SocketEvents events)
    {
        // The next attempt finds an end or an error, whatever it waits for.
        const SocketEvents ends = SocketEvents.Error | SocketEvents.HangUp | SocketEvents.PeerClosed;
        SocketEvents wanted = (events & ends) == 0 ? events : events | SocketEvents.Any;
        // If the first one to continue fails, the others are still told.
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

    /// <summary>Ends both waits, from any thread. They continue on the thread pool.</summary>
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

    // A wait begins: report everything that happened meanwhile.
    private void Watch()
    {
        // The wait is recorded before this is read. WatchLess does both in the opposite order.
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

    // A wait that begins from now on sees that the socket is not watched, or is seen here.
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
