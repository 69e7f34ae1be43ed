using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Messages;
using ImageIO.Http.Transfers;
using ImageIO.Proxy.Sessions;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy.Endpoints;

/// <summary><c>/images/ID</c> and its sub-resources: forwarded to the daemon that the ticket names.</summary>
internal sealed partial class ImagesEndpoint(
    RequestCredential credential, OperationRunner runner, Forwarder forwarder, ILogger<ImagesEndpoint> logger)
{
    private const string AnyImage = "*";

    // Name of the daemons in metrics.
    private const string Backend = "http";

    private static readonly Work Read = new("read");
    private static readonly Work Write = new("write") { MayAnswerLate = true };
    private static readonly Work Patch = new("patch") { MayAnswerLate = true, CountsBody = false };
    private static readonly Work Options = new("options") { CountsBody = false };

    // A longer path before its prefix. Text behind a sub-resource has no meaning. The algorithms are forwarded, too,
    // because they depend on the daemon.
    private static readonly Work[] SubResources =
    [
        new("extents") { SubResource = ImageResources.Extents, CountsBody = false },
        new("algorithms") { SubResource = ImageResources.ChecksumAlgorithms, CountsBody = false },
        new("checksum") { SubResource = ImageResources.Checksum, CountsBody = false, MayAnswerLate = true },
    ];

    public void Map(ServiceRouter router, string service)
    {
        foreach (Work work in SubResources)
        {
            router.Map(service, "/images/", work.SubResource, new Dictionary<string, ResourceHandler>
            {
                ["GET"] = (context, id) => ForwardAsync(context, id, work),
                ["OPTIONS"] = (context, _) => PreflightAsync(context),
            });
        }

        router.Map(service, "/images/", "", new Dictionary<string, ResourceHandler>
        {
            ["GET"] = (context, id) => ForwardAsync(context, id, Read),
            ["HEAD"] = (context, id) => ForwardAsync(context, id, Read),
            ["PUT"] = PutAsync,
            ["PATCH"] = (context, id) => ForwardAsync(context, id, Patch),
            ["OPTIONS"] = OptionsAsync,
        });
    }

    private Task PutAsync(HttpContext context, string id) =>
        context.Request.ContentLength is null && !RequestBody.IsPresent(context.Request)
            ? throw new TransferException(
                TransferError.LengthRequired, "Content-Length is missing: say how many bytes follow, or send chunks")
            : ForwardAsync(context, id, Write);

    private Task OptionsAsync(HttpContext context, string id) =>
        IsPreflight(context.Request) ? Answer.Empty(context)
        : id == AnyImage ? WriteForAnyAsync(context)
        : ForwardAsync(context, id, Options);

    // A sub-resource has no OPTIONS, but a browser sends one before a request with unusual headers.
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
            json.WritePropertyName("features");
            ImageFeatures.Write(json, canWrite: true);
            json.WriteEndObject();
        });
    }

    private async Task ForwardAsync(HttpContext context, string id, Work work)
    {
        if (id.Length == 0)
        {
            throw new TransferException(TransferError.InvalidRequest, "The ticket id is missing: /images/ID");
        }

        ProxyTicket ticket = credential.Require(context.Request, new TicketId(id));
        var request = new ForwardRequest
        {
            Upstream = ticket.Daemon.Upstream,
            PathAndQuery =
                $"/images/{Escape(ticket.Id.Reveal())}{work.SubResource}"
                + SessionId.RemoveFrom(context.Request.QueryString),
            MayAnswerLate = work.MayAnswerLate,
            CountsBody = work.CountsBody,
            ReadAnswer = work == Options
                ? (answer, cancellation) => OptionsAnswer.WriteAsync(context, answer, limits: null, cancellation)
                : null,
        };
        Log.Started(logger, ticket.TransferId, context.Request.Method, ticket.Daemon.Url);
        using var operation = new ForwardOperation(forwarder, context, request);
        await runner.RunAsync(context, new OperationRun
        {
            TransferId = ticket.TransferId,
            Name = work.Name,
            Backend = Backend,
            Operation = operation,
            Length = () => operation.Length,
        });
    }

    // Slashes stay, because daemon and proxy take them as part of the id.
    private static string Escape(string id) => string.Join('/', id.Split('/').Select(Uri.EscapeDataString));

    private static partial class Log
    {
        [LoggerMessage(60, LogLevel.Debug, "Transfer {TransferId}: {Method} forwarded to {Daemon}")]
        public static partial void Started(ILogger logger, string transferId, string method, string daemon);
    }

    // The part of a forwarded request that does not depend on the client's request.
    private sealed record Work(string Name)
    {
        public string SubResource { get; init; } = "";

        public bool MayAnswerLate { get; init; }

        public bool CountsBody { get; init; } = true;
    }
}
