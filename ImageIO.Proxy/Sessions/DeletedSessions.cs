using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Sessions;

/// <summary>
/// The sessions that clients ended at this proxy, until they would have ended by themselves. Other proxies do not know of
/// them. Safe for concurrent use.
/// </summary>
/// <param name="verifier">Knows whose time is over.</param>
internal sealed class DeletedSessions(TicketVerifier verifier)
{
    /// <summary>
    /// Most that are remembered, about 2 MiB: who has a ticket may make and end sessions as fast as he can. Beyond it the
    /// oldest is forgotten.
    /// </summary>
    public const int Most = 10_000;

    private readonly Lock _lock = new();
    private readonly Queue<Session> _order = new();
    private readonly HashSet<Guid> _numbers = [];

    /// <summary>Remembers one.</summary>
    /// <returns>False: it is there already.</returns>
    public bool Add(Session session)
    {
        lock (_lock)
        {
            while (_order.TryPeek(out Session? oldest) && (_order.Count >= Most || verifier.IsExpired(oldest.Ticket)))
            {
                _order.Dequeue();
                _numbers.Remove(oldest.Number);
            }

            if (!_numbers.Add(session.Number))
            {
                return false;
            }

            _order.Enqueue(session);
            return true;
        }
    }

    /// <summary>Whether a session was ended here.</summary>
    public bool Contains(Session session)
    {
        lock (_lock)
        {
            return _numbers.Contains(session.Number);
        }
    }
}
