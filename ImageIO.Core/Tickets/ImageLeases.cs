using ImageIO.Core.Backends;

namespace ImageIO.Core.Tickets;

/// <summary>
/// The images that one client connection holds open. Used by one request at a time; disposed when the connection ends,
/// which gives all images back.
/// </summary>
public sealed class ImageLeases : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TicketId, Ticket> _held = [];

    /// <summary>Number of tickets held.</summary>
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

    /// <summary>The image of a ticket, held until disposal.</summary>
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

    /// <summary>Counts as a connection of a ticket whose image is forwarded and not opened here.</summary>
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

    /// <summary>Gives all images back, and waits until those without another holder are closed.</summary>
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

    /// <summary>Drops a removed ticket, so that an idle connection does not keep it in memory.</summary>
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

    // Runs before the ticket counts this connection, so that a removal in between finds the ticket here.
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
            // The manager replaced the ticket. Do not await this: closing the old image may take long.
            _ = held.ReleaseAsync(this);
        }
    }
}
