using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Options;

namespace ImageIO.Web.Endpoints;

/// <summary><c>/images/ID</c> on the remote and local services: the image of a ticket.</summary>
/// <remarks>Each method parses, authorizes, and lets the image answer.</remarks>
internal sealed class ImagesEndpoint(ImageRequests requests, ImagesOptionsAnswer options, Cors cors)
{
    private const string AnyImage = "*";

    public void Map(ServiceRouter router)
    {
        var methods = new Dictionary<string, ResourceHandler>
        {
            ["GET"] = cors.Wrap(GetAsync),
            ["HEAD"] = cors.Wrap(GetAsync),
            ["PUT"] = cors.Wrap(PutAsync),
            ["PATCH"] = PatchAsync,
            ["OPTIONS"] = cors.Wrap(OptionsAsync),
        };
        foreach (string service in Services.ForClients)
        {
            router.Map(service, "/images/", "", methods);
        }
    }

    private async Task GetAsync(HttpContext context, string id)
    {
        TicketId ticketId = ImageRequests.RequiredId(id);
        RangeHeader? range = RangeHeader.Parse(Header(context.Request.Headers.Range));
        bool close = QueryFlag.IsSet(context.Request, "close");
        IRequestedImage image = requests.Authorize(ticketId, TicketAccess.Read);
        await image.GetAsync(context, range, close);
    }

    private async Task PutAsync(HttpContext context, string id)
    {
        TicketId ticketId = ImageRequests.RequiredId(id);
        HttpRequest request = context.Request;
        bool isChunked = request.Headers.TransferEncoding.Count > 0;
        if (request.ContentLength is null && !isChunked)
        {
            throw new TransferException(
                TransferError.InvalidRequest, "Content-Length is missing: say how many bytes follow, or send chunks");
        }

        long offset = ContentRangeHeader.ParseOffset(Header(request.Headers.ContentRange));
        bool flush = QueryFlag.Parse(request, "flush", ifMissing: true);
        bool close = QueryFlag.IsSet(request, "close");
        var digest = ContentDigest.Parse(Header(request.Headers["Content-Digest"]));
        IRequestedImage image = requests.Authorize(ticketId, TicketAccess.Write);
        await image.PutAsync(
            context, new PutRequest(offset, isChunked ? null : request.ContentLength, flush, close, digest));
    }

    private async Task PatchAsync(HttpContext context, string id)
    {
        TicketId ticketId = ImageRequests.RequiredId(id);
        // The order of checks has the body before the ticket. An unusually large body is gathered only for a client
        // with a ticket.
        ReadOnlyMemory<byte> body = await RequestBody.ReadAllAsync(
            context, allowLarge: () => requests.Authorize(ticketId, TicketAccess.Write));
        var fields = JsonFields.Parse(body);
        switch (fields.RequiredString("op"))
        {
            case "zero":
                // Of any size: a length that is too large passes the ticket's end, which is 416, and only after
                // authorization.
                long length = WireInteger.Clamp(fields.RequiredBigInteger("size", minimum: 0));
                long offset = WireInteger.Clamp(fields.OptionalBigInteger("offset", minimum: 0) ?? 0);
                bool flush = fields.OptionalBoolean("flush") ?? false;
                await requests.Authorize(ticketId, TicketAccess.Write)
                    .ZeroAsync(context, new ZeroRequest(offset, length, flush, body));
                break;
            case "flush":
                await requests.Authorize(ticketId, TicketAccess.Write).FlushAsync(context, body);
                break;
            default:
                throw new TransferException(TransferError.InvalidRequest, "Unknown 'op', expected zero or flush");
        }
    }

    private async Task OptionsAsync(HttpContext context, string id)
    {
        TicketId ticketId = ImageRequests.RequiredId(id);
        await (ticketId.Reveal() == AnyImage
            ? options.WriteForAnyAsync(context)
            : requests.Authorize(ticketId, TicketAccess.Read).OptionsAsync(context));
    }

    // Null without the header. A header that is sent twice is joined, and refused as malformed where it is parsed.
    private static string? Header(Microsoft.Extensions.Primitives.StringValues values) =>
        values.Count == 0 ? null : values.ToString();
}
