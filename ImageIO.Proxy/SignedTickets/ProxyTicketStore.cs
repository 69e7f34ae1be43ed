using System.Collections.Concurrent;
using ImageIO.Core.Tickets;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>The tickets that managers installed or clients sent. Safe for concurrent use.</summary>
/// <param name="verifier">Knows which tickets have expired.</param>
public sealed class ProxyTicketStore(TicketVerifier verifier)
{
    private readonly ConcurrentDictionary<TicketId, ProxyTicket> _tickets = new();

    /// <summary>Tickets held, expired ones included.</summary>
    public int Count => _tickets.Count;

    /// <summary>Tickets held, expired ones included.</summary>
    public IEnumerable<ProxyTicket> All => _tickets.Values;

    /// <summary>Installs a ticket. Replaces one with the same id.</summary>
    public void Add(ProxyTicket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        // Remove expired ones, because managers that crash never delete theirs. They are few, so each new one can check
        // all.
        foreach (ProxyTicket old in _tickets.Values.Where(verifier.IsExpired))
        {
            _tickets.TryRemove(KeyValuePair.Create(old.Id, old));
        }

        _tickets[ticket.Id] = ticket;
    }

    /// <summary>The ticket with an id, perhaps expired. Null: unknown.</summary>
    public ProxyTicket? Find(TicketId id) => _tickets.GetValueOrDefault(id);

    /// <summary>Removes a ticket if it is there.</summary>
    public void Remove(TicketId id) => _tickets.TryRemove(id, out _);
}
