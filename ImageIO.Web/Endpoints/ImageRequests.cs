using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Transfers;

namespace ImageIO.Web.Endpoints;

/// <summary>Authorizes requests on images and their sub-resources.</summary>
internal sealed class ImageRequests(
    TicketStore tickets, OperationRunner runner, ImagesOptionsAnswer options, Forwarder forwarder, TimeProvider time)
{
    /// <summary>The id in the path.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: it is empty.</exception>
    public static TicketId RequiredId(string id) =>
        id.Length > 0
            ? new TicketId(id)
            : throw new TransferException(TransferError.InvalidRequest, "The ticket id is missing: /images/ID");

    /// <summary>The image of a ticket that permits the request. The only place that decides who serves it.</summary>
    public IRequestedImage Authorize(TicketId id, TicketAccess access)
    {
        Ticket ticket = tickets.Authorize(id, access);
        if (!ForwardedUrl.IsForwarded(ticket.Spec.Url))
        {
            return new OpenedImage(ticket, runner, options, time);
        }

        UpstreamUrl url = ForwardedUrl.Parse(ticket.Spec.Url)
            ?? throw new InvalidOperationException("A ticket was installed whose URL cannot be forwarded to.");
        return new ForwardedImage(ticket, url, runner, forwarder, time);
    }
}
