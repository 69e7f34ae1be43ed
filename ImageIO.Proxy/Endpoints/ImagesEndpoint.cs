using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Proxy.Sessions;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Endpoints;

/// <summary><c>/images/ID</c> and its sub-resources: forwarded to the daemon that the ticket names.</summary>
internal sealed partial class ImagesEndpoint(
    RequestCredential credential, Forwarder forwarder, TimeProvider time, ILogger<ImagesEndpoint> logger)
{
    private const string AnyImage = "*";

    // The longer path before the one that it begins with. What follows behind a sub-resource has no meaning.
    private static readonly string[] SubResources = ["/extents", "/checksum/algorithms", "/checksum"];

    public void Map(ServiceRouter router, string service)
    {
        foreach (string subResource in SubResources)
        {
            // Also the algorithms, which depend on the daemon that is asked.
            bool mayAnswerLate = subResource == "/checksum";
            router.Map(service, "/images/", subResource, new Dictionary<string, ResourceHandler>
            {
                ["GET"] = (context, id) => ForwardAsync(context, id, subResource, mayAnswerLate),
                ["OPTIONS"] = (context, _) => PreflightAsync(context),
            });
        }

        router.Map(service, "/images/", "", new Dictionary<string, ResourceHandler>
        {
            ["GET"] = (context, id) => ForwardAsync(context, id),
            ["HEAD"] = (context, id) => ForwardAsync(context, id),
            ["PUT"] = PutAsync,
            ["PATCH"] = (context, id) => ForwardAsync(context, id, mayAnswerLate: true),
            ["OPTIONS"] = OptionsAsync,
        });
    }

    private Task PutAsync(HttpContext context, string id) =>
        context.Request.ContentLength is null && !RequestBody.IsPresent(context.Request)
            ? throw new TransferException(
                TransferError.LengthRequired, "Content-Length is missing: say how many bytes follow, or send chunks")
            : ForwardAsync(context, id, mayAnswerLate: true);

    private Task OptionsAsync(HttpContext context, string id)
    {
        if (IsPreflight(context.Request))
        {
            return Answer.Empty(context);
        }

        return id == AnyImage ? WriteForAnyAsync(context) : ForwardAsync(context, id, rewrite: answer => OptionsAnswer.Narrow(answer));
    }

    // A sub-resource has no OPTIONS of its own; a browser asks all the same before it sends unusual headers.
    private static Task PreflightAsync(HttpContext context) => IsPreflight(context.Request)
        ? Answer.Empty(context)
        : throw new TransferException(TransferError.MethodNotAllowed, "This resource has no OPTIONS, only GET");

    private static bool IsPreflight(HttpRequest request) => request.Headers.AccessControlRequestMethod.Count > 0;

    private static Task WriteForAnyAsync(HttpContext context)
    {
        context.Response.Headers.Allow = "OPTIONS,GET,PUT,PATCH";
        return Answer.JsonAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("features");
            foreach (string feature in (string[])["checksum", "extents", "flush", "zero"])
            {
                json.WriteStringValue(feature);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private async Task ForwardAsync(
        HttpContext context,
        string id,
        string subResource = "",
        bool mayAnswerLate = false,
        Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>? rewrite = null)
    {
        if (id.Length == 0)
        {
            throw new TransferException(TransferError.InvalidRequest, "The ticket id is missing: /images/ID");
        }

        ProxyTicket ticket = credential.Require(context.Request, new TicketId(id));
        var request = new ForwardRequest
        {
            Upstream = ticket.Daemon.Upstream,
            PathAndQuery = $"/images/{Escape(ticket.Id.Reveal())}{subResource}{SessionId.RemoveFrom(context.Request.QueryString)}",
            MayAnswerLate = mayAnswerLate,
            RewriteAnswer = rewrite,
        };
        Log.Started(logger, ticket.TransferId, context.Request.Method, ticket.Daemon.Url);
        long started = time.GetTimestamp();
        string? failure = null;
        try
        {
            await forwarder.ForwardAsync(context, request, context.RequestAborted);
        }
        catch (Exception e)
        {
            failure = OperationEnd.ReasonOf(e, context);
            throw;
        }
        finally
        {
            TimeSpan duration = time.GetElapsedTime(started);
            var end = new OperationEnd(context.Request.Method, request.Progress.Bytes, Length: -1, failure);
            ClientConnection.Of(context).Tally.Add(ticket.TransferId, end, duration, TimeSpan.Zero);
            Log.Ended(
                logger, ticket.TransferId, context.Request.Method, context.Response.StatusCode, request.Progress.Bytes, duration.TotalSeconds);
        }
    }

    // Slashes stay: the daemon takes them for part of the id, as we do.
    private static string Escape(string id) => string.Join('/', id.Split('/').Select(Uri.EscapeDataString));

    private static partial class Log
    {
        [LoggerMessage(60, LogLevel.Debug, "Transfer {TransferId}: {Method} forwarded to {Daemon}")]
        public static partial void Started(ILogger logger, string transferId, string method, string daemon);

        [LoggerMessage(61, LogLevel.Debug, "Transfer {TransferId}: {Method} ended with {Status} after {Bytes} bytes and {Duration:F3} s")]
        public static partial void Ended(
            ILogger logger, string transferId, string method, int status, long bytes, double duration);
    }
}
