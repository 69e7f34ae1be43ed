using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Proxy.Sessions;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Endpoints;

/// <summary>
/// Decides which ticket entitles a request to an image (proxy-api section 2): that of a session, an installed one, or
/// the signed ticket in the request.
/// </summary>
internal sealed class RequestCredential(
    ProxyTicketStore tickets, TicketVerifier verifier, SessionSealer sealer, DeletedSessions deleted)
{
    private const string Bearer = "Bearer ";

    /// <summary>The ticket that the request may use for an image.</summary>
    /// <param name="request">The client's.</param>
    /// <param name="id">The requested image.</param>
    /// <exception cref="TransferException"><see cref="TransferError.Unauthorized"/>: there is none.</exception>
    public ProxyTicket Require(HttpRequest request, TicketId id)
    {
        // Sessions first: a client whose session has ended must learn it, even if the ticket is installed.
        if (SessionId.Of(request) is { } session)
        {
            ProxyTicket ticket = Living(session).Ticket;
            return ticket.Id == id ? ticket : throw Unauthorized("The session is for another image");
        }

        if (tickets.Find(id) is { } installed)
        {
            return verifier.IsExpired(installed) ? throw Unauthorized("The ticket has expired") : installed;
        }

        ProxyTicket brought = Brought(
            request, "There is no ticket for this image, and no Authorization header that brings one");
        tickets.Add(brought);
        return brought.Id == id ? brought : throw Unauthorized("The signed ticket is for another image");
    }

    /// <summary>The ticket in the request's <c>Authorization</c> header.</summary>
    /// <param name="request">The client's.</param>
    /// <param name="ifMissing">Error text without such a header.</param>
    /// <exception cref="TransferException"><see cref="TransferError.Unauthorized"/>: missing or refused.</exception>
    public ProxyTicket Brought(HttpRequest request, string ifMissing)
    {
        string signed = SignedTicketIn(request) ?? throw Unauthorized(ifMissing);
        try
        {
            return verifier.Verify(signed);
        }
        catch (TransferException e) when (e.Error == TransferError.SignedTicketRefused)
        {
            // For a manager that installs it this is a 403, for a client a 401.
            throw new TransferException(TransferError.Unauthorized, e.Message, e);
        }
    }

    /// <summary>The session with an id.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.Unauthorized"/>: unknown or expired.</exception>
    public Session Living(string id) => sealer.Open(id) is { } session && !deleted.Contains(session)
        ? session
        : throw Unauthorized("The session is unknown or has expired");

    /// <summary>The signed ticket in the <c>Authorization</c> header, with or without <c>Bearer</c> before it. Null:
    /// none.</summary>
    internal static string? SignedTicketIn(HttpRequest request)
    {
        if (request.Headers.Authorization.Count == 0)
        {
            return null;
        }

        // Two headers are joined, which is not valid base64.
        string value = request.Headers.Authorization.ToString();
        return value.StartsWith(
            Bearer, StringComparison.OrdinalIgnoreCase) ? value[Bearer.Length..].TrimStart(' ') : value;
    }

    private static TransferException Unauthorized(string message) => new(TransferError.Unauthorized, message);
}
