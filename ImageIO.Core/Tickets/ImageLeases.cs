using ImageIO.Core.Backends;

namespace ImageIO.Core.Tickets;

/// <summary>
/// The images that one client connection holds open. One request at a time uses it; disposing it, when the connection
/// has ended, gives all of them back.
/// </summary>
public sealed class ImageLeases : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TicketId, Ticket> _held = [];

    /// <summary>Tickets that it holds.</summary>
    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>The image of a ticket, held from now on.</summary>
    /// <inheritdoc cref="Ticket.OpenAsync" path="/exception" />
    public async ValueTask<ImageHandle> OpenAsync(Ticket ticket, CancellationToken cancellationToken)
    {
        Keep(ticket);
        try
        {
            return await ticket.OpenAsync(this, cancellationToken);
        }
        catch
        {
            Forget(ticket);
            throw;
        }
    }

    /// <summary>Counts as a connection of a ticket whose image is not opened here but forwarded, from now on.</summary>
    /// <exception cref="Errors.TransferException"><see cref="Errors.TransferError.TicketCanceled"/>.</exception>
    public void Hold(Ticket ticket)
    {
        Keep(ticket);
        try
        {
            ticket.Hold(this);
        }
        catch
        {
            Forget(ticket);
            throw;
        }
    }

    /// <summary>Gives all images back; waits until those that nobody else holds are closed.</summary>
    public async ValueTask DisposeAsync()
    {
        Ticket[] held;
        lock (_lock)
        {
            held = [.. _held.Values];
            _held.Clear();
        }

        await Task.WhenAll(held.Select(ticket => ticket.ReleaseAsync(this)));
    }

    /// <summary>Drops a ticket that was removed: an idle connection must not keep it in memory.</summary>
    internal void Forget(Ticket ticket)
    {
        lock (_lock)
        {
            if (_held.TryGetValue(ticket.Spec.Id, out Ticket? held) && held == ticket)
            {
                _held.Remove(ticket.Spec.Id);
            }
        }
    }

    // Before the ticket counts this connection, so that a removal in between finds something to forget.
    private void Keep(Ticket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        Ticket? held;
        lock (_lock)
        {
            _held.TryGetValue(ticket.Spec.Id, out held);
            _held[ticket.Spec.Id] = ticket;
        }

        if (held is not null && held != ticket)
        {
            // The manager replaced the ticket. Not awaited: the old image may take long to close.
            _ = held.ReleaseAsync(this);
        }
    }
}
