using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Listeners;

namespace ImageIO.Web.Endpoints;

/// <summary>The steps that every request on an image and its sub-resources begins with.</summary>
internal sealed class ImageRequests(TicketStore tickets)
{
    /// <summary>The id in the path.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: it is empty.</exception>
    public static TicketId RequiredId(string id) =>
        id.Length > 0
            ? new TicketId(id)
            : throw new TransferException(TransferError.InvalidRequest, "The ticket id is missing: /images/ID");

    /// <summary>The ticket's image, held open by the request's connection, which may now idle as long as the ticket says.</summary>
    public static async ValueTask<OpenImage> OpenAsync(HttpContext context, Ticket ticket)
    {
        ClientConnection connection = ClientConnection.Of(context);
        OpenImage image = await connection.Images.OpenAsync(ticket, context.RequestAborted);
        connection.SetPatience(ticket.Spec.InactivityTimeoutSeconds);
        return image;
    }

    /// <inheritdoc cref="TicketStore.Authorize" />
    public Ticket Authorize(TicketId id, TicketAccess access) => tickets.Authorize(id, access);
}
