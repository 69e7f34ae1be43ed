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
    public async ValueTask<OpenImage> OpenAsync(Ticket ticket, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        if (_held.TryGetValue(ticket.Spec.Id, out Ticket? held) && held != ticket)
        {
            // The manager replaced the ticket; what it replaced is no longer ours to keep open.
            _held.Remove(ticket.Spec.Id);
            await held.ReleaseAsync(this);
        }

        OpenImage image = await ticket.OpenAsync(this, cancellationToken);
        _held[ticket.Spec.Id] = ticket;
        // What follows asks the image for its size, which may block.
        await PoolThread.SwitchAsync();
        return image;
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
}
