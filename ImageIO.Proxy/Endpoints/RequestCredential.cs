using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Endpoints;

/// <summary>
/// What entitles a request to an image (proxy-api section 2): a ticket that a manager installed, or the signed ticket
/// that the request itself brings along. The one place that decides it.
/// </summary>
internal sealed class RequestCredential(ProxyTicketStore tickets, TicketVerifier verifier)
{
    private const string Bearer = "Bearer ";

    /// <summary>The ticket that the request may use for an image.</summary>
    /// <param name="request">The client's.</param>
    /// <param name="id">The image that it asks for.</param>
    /// <exception cref="TransferException"><see cref="TransferError.Unauthorized"/>: there is none.</exception>
    public ProxyTicket Require(HttpRequest request, TicketId id)
    {
        if (tickets.Find(id) is { } installed)
        {
            return verifier.IsExpired(installed) ? throw Unauthorized("The ticket has expired") : installed;
        }

        if (request.Headers.Authorization.Count == 0)
        {
            throw Unauthorized("There is no ticket for this image, and no Authorization header that brings one");
        }

        ProxyTicket brought = Verify(request.Headers.Authorization.ToString());
        tickets.Add(brought);
        return brought.Id == id ? brought : throw Unauthorized("The signed ticket is for another image");
    }

    private ProxyTicket Verify(string authorization)
    {
        string text = authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
            ? authorization[Bearer.Length..].TrimStart(' ')
            : authorization;
        try
        {
            return verifier.Verify(text);
        }
        catch (TransferException e) when (e.Error == TransferError.SignedTicketRefused)
        {
            throw new TransferException(TransferError.Unauthorized, e.Message, e);
        }
    }

    private static TransferException Unauthorized(string message) => new(TransferError.Unauthorized, message);
}
