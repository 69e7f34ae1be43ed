using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Endpoints;

/// <summary>
/// <c>/tickets/</c>: managers from 4.2.1 on install a signed ticket before a transfer and remove it afterwards. The
/// signature permits to install; knowing the id permits to remove.
/// </summary>
internal sealed partial class TicketsEndpoint(
    TicketVerifier verifier, ProxyTicketStore tickets, ILogger<TicketsEndpoint> logger)
{
    public void Map(ServiceRouter router, string service) =>
        router.Map(
            service,
            "/tickets/", "", new Dictionary<string, ResourceHandler> { ["PUT"] = PutAsync, ["DELETE"] = DeleteAsync });

    // The rest of the path has no meaning, as in the reference: the ticket has its own id.
    private async Task PutAsync(HttpContext context, string rest)
    {
        ReadOnlyMemory<byte> body = await RequestBody.ReadAllAsync(context);
        ProxyTicket ticket = verifier.Verify(Encoding.UTF8.GetString(body.Span));
        tickets.Add(ticket);
        Log.Added(logger, ticket.TransferId, ticket.Daemon.Url, ticket.ExpiresSeconds);
        await Answer.Empty(context);
    }

    private async Task DeleteAsync(HttpContext context, string id)
    {
        tickets.Remove(id.Length > 0
            ? new TicketId(id)
            : throw new TransferException(TransferError.InvalidRequest, "The ticket id is missing: /tickets/ID"));
        Log.Removed(logger);
        await Answer.Empty(context, StatusCodes.Status204NoContent);
    }

    private static partial class Log
    {
        [LoggerMessage(30, LogLevel.Information, "Transfer {TransferId}: ticket added for {Daemon}, expires "
            + "at {Expires} s since 1970")]
        public static partial void Added(ILogger logger, string transferId, string daemon, long expires);

        [LoggerMessage(31, LogLevel.Information, "Ticket removed")]
        public static partial void Removed(ILogger logger);
    }
}
