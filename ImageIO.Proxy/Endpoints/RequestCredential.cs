using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Proxy.Sessions;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Endpoints;

/// <summary>
/// What entitles a request to an image (proxy-api section 2): a session, a ticket that a manager installed, or the signed
/// ticket that the request itself brings along. The one place that decides it.
/// </summary>
internal sealed class RequestCredential(
    ProxyTicketStore tickets, TicketVerifier verifier, SessionSealer sealer, DeletedSessions deleted)
{
    private const string Bearer = "Bearer ";

    /// <summary>The ticket that the request may use for an image.</summary>
    /// <param name="request">The client's.</param>
    /// <param name="id">The image that it asks for.</param>
    /// <exception cref="TransferException"><see cref="TransferError.Unauthorized"/>: there is none.</exception>
    public ProxyTicket Require(HttpRequest request, TicketId id)
    {
        // First: who shows a session that has ended is told so, whoever else may have installed a ticket.
        if (SessionId.Of(request) is { } session)
        {
            ProxyTicket ticket = Living(session).Ticket;
            return ticket.Id == id ? ticket : throw Unauthorized("The session is for another image");
        }

        if (tickets.Find(id) is { } installed)
        {
            return verifier.IsExpired(installed) ? throw Unauthorized("The ticket has expired") : installed;
        }

        ProxyTicket brought = Brought(request, "There is no ticket for this image, and no Authorization header that brings one");
        tickets.Add(brought);
        return brought.Id == id ? brought : throw Unauthorized("The signed ticket is for another image");
    }

    /// <summary>The ticket in the request's <c>Authorization</c> header.</summary>
    /// <param name="request">The client's.</param>
    /// <param name="ifMissing">What to say when there is no such header.</param>
    /// <exception cref="TransferException"><see cref="TransferError.Unauthorized"/>: there is none, or a bad one.</exception>
    public ProxyTicket Brought(HttpRequest request, string ifMissing)
    {
        string signed = SignedTicketIn(request) ?? throw Unauthorized(ifMissing);
        try
        {
            return verifier.Verify(signed);
        }
        catch (TransferException e) when (e.Error == TransferError.SignedTicketRefused)
        {
            // To a manager who installs it this is a 403, to a client who brings it along a 401.
            throw new TransferException(TransferError.Unauthorized, e.Message, e);
        }
    }

    /// <summary>The session of an id.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.Unauthorized"/>: there is none, or its time is over.</exception>
    public Session Living(string id) => sealer.Open(id) is { } session && !deleted.Contains(session)
        ? session
        : throw Unauthorized("The session is unknown or has expired");

    /// <summary>
    /// The whole of the <c>Authorization</c> header, as clients write it: with or without <c>Bearer</c>. Null: there is
    /// none.
    /// </summary>
    internal static string? SignedTicketIn(HttpRequest request)
    {
        if (request.Headers.Authorization.Count == 0)
        {
            return null;
        }

        // Two headers come out joined, which is no base64.
        string value = request.Headers.Authorization.ToString();
        return value.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? value[Bearer.Length..].TrimStart(' ') : value;
    }

    private static TransferException Unauthorized(string message) => new(TransferError.Unauthorized, message);
}
