using System.Collections.Concurrent;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Core.Tickets;

/// <summary>All installed tickets. In memory only: after a restart the manager installs them again.
/// Thread-safe.</summary>
/// <param name="registry">Knows which URLs can be served.</param>
/// <param name="opener">Opens the tickets' images.</param>
/// <param name="time">The clock of the tickets.</param>
public sealed class TicketStore(BackendRegistry registry, ImageOpener opener, TimeProvider time)
{
    private readonly ConcurrentDictionary<TicketId, Ticket> _tickets = new();

    private readonly Lock _lock = new();

    // Tickets that were in use when a newer one replaced them, by id. No new request finds them, but removing the id
    // cancels them too, because the manager deactivates the volume next. The newest one of an id is kept even if it is
    // unused: a request may have just been authorized by it. Guarded by _lock; the lists are never empty.
    private readonly Dictionary<TicketId, List<Ticket>> _replaced = [];

    /// <summary>All tickets, in no order.</summary>
    // Not by Values, which locks out all other requests while it copies.
    public IEnumerable<Ticket> All => _tickets.Select(pair => pair.Value);

    /// <summary>Installs a ticket. Replaces the one with the same id.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.InvalidRequest"/>: no backend serves its URL.
    /// </exception>
    public Ticket Add(TicketSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        registry.RequireServable(spec.Url);
        var ticket = new Ticket(spec, opener, time);
        opener.Images.TicketAdded(spec.Url);
        Ticket? replaced = null;
        _tickets.AddOrUpdate(spec.Id, ticket, (_, existing) =>
        {
            replaced = existing;
            return ticket;
        });
        if (replaced is not null)
        {
            Keep(replaced);
        }

        return ticket;
    }

    /// <summary>The ticket with this id, or null.</summary>
    public Ticket? FindOrDefault(TicketId id) => _tickets.GetValueOrDefault(id);

    /// <summary>The ticket with this id, for a manager.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.TicketNotFound"/>.</exception>
    public Ticket Find(TicketId id) =>
        _tickets.TryGetValue(id, out Ticket? ticket)
            ? ticket
            : throw new TransferException(TransferError.TicketNotFound, "No such ticket");

    /// <summary>The ticket with this id, for a client, if it permits <paramref name="access"/> now.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.TicketUnknown"/>, or the reason why <see cref="Ticket.Authorize"/> refuses.
    /// </exception>
    public Ticket Authorize(TicketId id, TicketAccess access)
    {
        if (!_tickets.TryGetValue(id, out Ticket? ticket))
        {
            throw new TransferException(TransferError.TicketUnknown, "No such ticket");
        }

        ticket.Authorize(access);
        return ticket;
    }

    /// <summary>Cancels and removes a ticket. An unknown id is no error. If it waits, the image is closed
    /// afterwards.</summary>
    /// <param name="id">The ticket.</param>
    /// <param name="wait">
    /// How long to wait until the ticket is unused. Zero: do not wait; the ticket is removed when it becomes unused.
    /// </param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.CancelTimedOut"/>: it is still in use. The ticket stays, cancelled.
    /// </exception>
    public async Task RemoveAsync(TicketId id, TimeSpan wait)
    {
        List<Ticket> removed = Replaced(id);
        if (_tickets.TryGetValue(id, out Ticket? current))
        {
            removed.Add(current);
        }

        await Task.WhenAll(removed.Select(ticket => RemoveAsync(ticket, wait)));
    }

    /// <summary>Cancels and removes all tickets, in parallel.</summary>
    /// <inheritdoc cref="RemoveAsync(TicketId, TimeSpan)" path="/param[@name='wait']|/exception" />
    public Task RemoveAllAsync(TimeSpan wait)
    {
        List<Ticket> removed;
        lock (_lock)
        {
            removed = [.. _replaced.Values.SelectMany(replaced => replaced)];
        }

        return Task.WhenAll(removed.Concat(All).Select(ticket => RemoveAsync(ticket, wait)));
    }

    private async Task RemoveAsync(Ticket ticket, TimeSpan wait)
    {
        if (wait == TimeSpan.Zero)
        {
            ticket.Cancel(whenUnused: () => Forget(ticket));
        }
        else if (await ticket.CancelAsync(wait))
        {
            Forget(ticket);
        }
        else
        {
            throw new TransferException(
                TransferError.CancelTimedOut, $"Timeout cancelling transfer {ticket.TransferId}");
        }
    }

    // Compare the ticket, not its id: the manager may have installed a new one meanwhile.
    private void Forget(Ticket ticket)
    {
        if (_tickets.TryRemove(new(ticket.Spec.Id, ticket)))
        {
            opener.Images.TicketRemoved(ticket.Spec.Url);
        }

        DropReplaced(ticket.Spec.Id, replaced => replaced == ticket);
    }

    private void Keep(Ticket replaced)
    {
        TicketId id = replaced.Spec.Id;
        lock (_lock)
        {
            if (!_replaced.TryGetValue(id, out List<Ticket>? tickets))
            {
                _replaced[id] = tickets = [];
            }

            tickets.Add(replaced);
        }

        DropReplaced(id, ticket => ticket != replaced && ticket.CancelIfUnused());
    }

    private List<Ticket> Replaced(TicketId id)
    {
        lock (_lock)
        {
            return _replaced.TryGetValue(id, out List<Ticket>? tickets) ? [.. tickets] : [];
        }
    }

    private void DropReplaced(TicketId id, Predicate<Ticket> isOver)
    {
        lock (_lock)
        {
            if (_replaced.TryGetValue(id, out List<Ticket>? tickets))
            {
                List<Ticket> over = tickets.FindAll(isOver);
                over.ForEach(ticket => opener.Images.TicketRemoved(ticket.Spec.Url));
                tickets.RemoveAll(over.Contains);
                if (tickets.Count == 0)
                {
                    _replaced.Remove(id);
                }
            }
        }
    }
}
