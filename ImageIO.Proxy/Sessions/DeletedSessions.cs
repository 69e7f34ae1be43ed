using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Sessions;

/// <summary>
/// Sessions that clients deleted at this proxy, kept until they would have expired. Other proxies do not know of them.
/// Safe for concurrent use.
/// </summary>
/// <param name="verifier">Knows which tickets have expired.</param>
internal sealed class DeletedSessions(TicketVerifier verifier)
{
    /// <summary>
    /// Most that are remembered, about 2 MiB. A client with a ticket can create and delete sessions without limit, so
    /// the oldest is forgotten then.
    /// </summary>
    public const int Most = 10_000;

    private readonly Lock _lock = new();
    private readonly Queue<Session> _order = new();
    private readonly HashSet<Guid> _numbers = [];

    /// <summary>Remembers a session.</summary>
    /// <returns>False if it was remembered already.</returns>
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

    /// <summary>Whether a session was deleted here.</summary>
    public bool Contains(Session session)
    {
        lock (_lock)
        {
            return _numbers.Contains(session.Number);
        }
    }
}
