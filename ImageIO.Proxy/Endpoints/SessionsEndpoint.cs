using ImageIO.Core.Errors;
using ImageIO.Http.Messages;
using ImageIO.Proxy.Sessions;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Endpoints;

/// <summary>
/// <c>/sessions/</c>: clients of managers up to 4.2.0 exchange a signed ticket for a session id, which then stands for
/// the ticket (proxy-api section 2).
/// </summary>
internal sealed partial class SessionsEndpoint(
    RequestCredential credential, SessionSealer sealer, DeletedSessions deleted, ILogger<SessionsEndpoint> logger)
{
    public void Map(ServiceRouter router, string service) => router.Map(
        service,
        "/sessions/", "", new Dictionary<string, ResourceHandler> { ["POST"] = PostAsync, ["DELETE"] = DeleteAsync });

    // The rest of the path has no meaning, as with tickets.
    private Task PostAsync(HttpContext context, string rest)
    {
        ProxyTicket ticket = credential.Brought(context.Request, "The Authorization header is missing");
        string id;
        if (SessionId.Of(context.Request) is { } given)
        {
            // The id is the whole session, so its ticket and time cannot be changed.
            id = credential.Living(given).Ticket.Id == ticket.Id
                ? given
                : throw new TransferException(TransferError.Unauthorized, "The session is another ticket's");
        }
        else
        {
            id = sealer.Seal(ticket);
            Log.Begun(logger, ticket.TransferId, ticket.Daemon.Url, ticket.ExpiresSeconds);
        }

        context.Response.Headers[SessionId.Header] = id;
        return Answer.Empty(context);
    }

    private Task DeleteAsync(HttpContext context, string id)
    {
        if (id.Length == 0)
        {
            throw new TransferException(TransferError.InvalidRequest, "The session id is missing: /sessions/ID");
        }

        if (sealer.Open(id) is not { } session || !deleted.Add(session))
        {
            throw new TransferException(TransferError.ResourceUnknown, "No such session");
        }

        Log.Ended(logger, session.Ticket.TransferId);
        return Answer.Empty(context, StatusCodes.Status204NoContent);
    }

    private static partial class Log
    {
        [LoggerMessage(70, LogLevel.Information, "Transfer {TransferId}: session begun for {Daemon}, expires at "
            + "{Expires} s since 1970")]
        public static partial void Begun(ILogger logger, string transferId, string daemon, long expires);

        [LoggerMessage(71, LogLevel.Information, "Transfer {TransferId}: session ended")]
        public static partial void Ended(ILogger logger, string transferId);
    }
}
