using System.Collections.Concurrent;
using ImageIO.Core.Tickets;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>The tickets that managers installed, or clients brought along. Safe for concurrent use.</summary>
/// <param name="verifier">Knows whose time is over.</param>
public sealed class ProxyTicketStore(TicketVerifier verifier)
{
    private readonly ConcurrentDictionary<TicketId, ProxyTicket> _tickets = new();

    /// <summary>Tickets held, expired ones included.</summary>
    public int Count => _tickets.Count;

    /// <summary>Tickets held, expired ones included.</summary>
    public IEnumerable<ProxyTicket> All => _tickets.Values;

    /// <summary>Installs a ticket; one of the same id is replaced.</summary>
    public void Add(ProxyTicket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        // Managers that crash never delete theirs. They are few, so each new one may pay for a look at all.
        foreach (ProxyTicket old in _tickets.Values.Where(verifier.IsExpired))
        {
            _tickets.TryRemove(KeyValuePair.Create(old.Id, old));
        }

        _tickets[ticket.Id] = ticket;
    }

    /// <summary>The ticket of an id, perhaps expired. Null: there is none.</summary>
    public ProxyTicket? Find(TicketId id) => _tickets.GetValueOrDefault(id);

    /// <summary>Removes a ticket, if it is there.</summary>
    public void Remove(TicketId id) => _tickets.TryRemove(id, out _);
}
