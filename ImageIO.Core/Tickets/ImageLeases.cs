using ImageIO.Core.Backends;

namespace ImageIO.Core.Tickets;

/// <summary>
/// The images that one client connection holds open. One request at a time uses it; disposing it, when the connection
/// has ended, gives all of them back.
/// </summary>
public sealed class ImageLeases : IAsyncDisposable
{
    private readonly Dictionary<TicketId, Ticket> _held = [];

    /// <summary>The image of a ticket, held from now on.</summary>
    /// <inheritdoc cref="Ticket.OpenAsync" path="/exception" />
    public async ValueTask<ImageHandle> OpenAsync(Ticket ticket, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        await ReleaseReplacedAsync(ticket);
        ImageHandle image = await ticket.OpenAsync(this, cancellationToken);
        _held[ticket.Spec.Id] = ticket;
        return image;
    }

    /// <summary>Counts as a connection of a ticket whose image is not opened here but forwarded, from now on.</summary>
    /// <exception cref="Errors.TransferException"><see cref="Errors.TransferError.TicketCanceled"/>.</exception>
    public async ValueTask HoldAsync(Ticket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        await ReleaseReplacedAsync(ticket);
        ticket.Hold(this);
        _held[ticket.Spec.Id] = ticket;
    }

    /// <summary>Gives all images back.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (Ticket ticket in _held.Values)
        {
            await ticket.ReleaseAsync(this);
        }

        _held.Clear();
    }

    // The manager replaced the ticket; what it replaced is no longer ours to keep open.
    private async ValueTask ReleaseReplacedAsync(Ticket ticket)
    {
        if (_held.TryGetValue(ticket.Spec.Id, out Ticket? held) && held != ticket)
        {
            _held.Remove(ticket.Spec.Id);
            await held.ReleaseAsync(this);
        }
    }
}
