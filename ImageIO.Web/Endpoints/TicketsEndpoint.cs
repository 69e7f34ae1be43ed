using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Options;

namespace ImageIO.Web.Endpoints;

/// <summary><c>/tickets/ID</c> on the control service: install, show, extend and remove tickets.</summary>
internal sealed partial class TicketsEndpoint(
    TicketStore tickets, DaemonConfiguration configuration, ILogger<TicketsEndpoint> logger)
{
    public void Map(ServiceRouter router)
    {
        router.Map(Services.Control, "/tickets/", "", new Dictionary<string, ResourceHandler>
        {
            ["GET"] = GetAsync,
            ["PUT"] = PutAsync,
            ["PATCH"] = PatchAsync,
            ["DELETE"] = DeleteAsync,
        });
        router.Map(Services.Control, "/tickets", "", new Dictionary<string, ResourceHandler> { ["GET"] = ListAsync });
    }

    private Task GetAsync(HttpContext context, string id)
    {
        Ticket ticket = tickets.Find(Required(id));
        return Answer.JsonAsync(context, json => TicketJson.Write(json, ticket));
    }

    private async Task ListAsync(HttpContext context, string rest)
    {
        // Leave the socket's thread: there may be 100,000 tickets.
        await Task.Yield();
        await Answer.JsonAsync(context, json =>
        {
            json.WriteStartArray();
            foreach (Ticket ticket in tickets.All)
            {
                TicketJson.WriteWithWaits(json, ticket);
            }

            json.WriteEndArray();
        });
    }

    private async Task PutAsync(HttpContext context, string id)
    {
        // The id only has to be there: the ticket is stored under the uuid in the body, as in the reference.
        Required(id);
        Ticket ticket = tickets.Add(TicketJson.Parse(
            await RequestBody.ReadJsonAsync(context), configuration.Daemon.InactivityTimeoutSeconds));
        Log.Added(logger, ticket.TransferId, ForwardedUrl.WithoutSecret(
            ticket.Spec.Url), string.Join(",", ticket.Spec.Ops), ticket.Spec.TimeoutSeconds);
        await Answer.Empty(context);
    }

    private async Task PatchAsync(HttpContext context, string id)
    {
        TicketId ticketId = Required(id);
        JsonFields fields = await RequestBody.ReadJsonAsync(context);
        long timeout = fields.RequiredInteger("timeout", minimum: 0);
        Ticket ticket = tickets.Find(ticketId);
        ticket.ExpireAfter(timeout);
        Log.Extended(logger, ticket.TransferId, timeout);
        await Answer.Empty(context);
    }

    private async Task DeleteAsync(HttpContext context, string id)
    {
        TimeSpan wait = configuration.Control.RemoveTimeout;
        // Removing an unknown id is no error.
        IEnumerable<Ticket?> removed = id.Length == 0 ? [.. tickets.All] : [tickets.FindOrDefault(new TicketId(id))];
        await (id.Length == 0 ? tickets.RemoveAllAsync(wait) : tickets.RemoveAsync(new TicketId(id), wait));
        foreach (Ticket ticket in removed.OfType<Ticket>())
        {
            Log.Removed(logger, ticket.TransferId);
        }

        await Answer.Empty(context, StatusCodes.Status204NoContent);
    }

    private static TicketId Required(string id) =>
        id.Length > 0
            ? new TicketId(id)
            : throw new TransferException(TransferError.InvalidRequest, "The ticket id is missing: /tickets/ID");

    private static partial class Log
    {
        [LoggerMessage(
            30, LogLevel.Information, "Transfer {TransferId}: ticket added, url {Url}, ops {Ops}, timeout {Timeout} s")]
        public static partial void Added(ILogger logger, string transferId, string url, string ops, long timeout);

        [LoggerMessage(31, LogLevel.Information, "Transfer {TransferId}: ticket expires in {Timeout} s")]
        public static partial void Extended(ILogger logger, string transferId, long timeout);

        [LoggerMessage(32, LogLevel.Information, "Transfer {TransferId}: ticket removed")]
        public static partial void Removed(ILogger logger, string transferId);
    }
}
