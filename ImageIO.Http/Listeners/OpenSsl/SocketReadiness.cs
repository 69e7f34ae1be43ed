namespace ImageIO.Http.Listeners.OpenSsl;

/// <summary>
/// What one socket is ready for, told to the two that may wait for it: the one that reads and the one that writes.
/// </summary>
/// <remarks>
/// TLS may want to write in order to read, and the other way round, so each of the two waits for what its last attempt
/// wanted, whichever that is. A wait may end early: who waits tries again and finds out.
/// </remarks>
internal sealed class SocketReadiness
{
    /// <summary>For the one that reads.</summary>
    internal SocketWait Reader { get; } = new();

    /// <summary>For the one that writes.</summary>
    internal SocketWait Writer { get; } = new();

    /// <summary>Called on the loop's thread when the peer sends no more, or the connection broke; more than once, perhaps.</summary>
    internal Action<SocketEvents>? PeerLeft { get; set; }

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
                    PeerLeft?.Invoke(events);
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
}
