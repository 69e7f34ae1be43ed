using System.Globalization;
using System.Numerics;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Hosting;

namespace ImageIO.Web.Endpoints;

/// <summary><c>/images/ID</c> on the remote and local services: the image of a ticket.</summary>
/// <remarks>Every method here reads: parse, authorize, open, check the range, run one operation, answer.</remarks>
internal sealed class ImagesEndpoint(
    ImageRequests requests, ForwardedImages forwarded, ImagesOptionsAnswer options, Cors cors)
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
        Ticket ticket = requests.Authorize(ticketId, TicketAccess.Read);
        if (ForwardedImages.Serves(ticket))
        {
            await forwarded.GetAsync(context, ticket, range);
            return;
        }

        ImageHandle image = await ImageRequests.OpenAsync(context, ticket);
        long imageSize = await image.GetSizeAsync(context.RequestAborted);
        ByteRange bytes = Resolve(range, ticket.Spec.Size, imageSize);

        HttpResponse response = context.Response;
        response.StatusCode = range is null ? StatusCodes.Status200OK : StatusCodes.Status206PartialContent;
        response.ContentType = "application/octet-stream";
        response.ContentLength = bytes.Length;
        // qemu's curl driver refuses a server that does not say so.
        response.Headers.AcceptRanges = "bytes";
        response.Headers.ContentDisposition =
            ticket.Spec.Filename is { } filename ? $"attachment; filename={filename}" : "attachment";
        if (range is not null)
        {
            response.Headers.ContentRange = string.Create(
                CultureInfo.InvariantCulture, $"bytes {bytes.Start}-{bytes.End - 1}/{ticket.Spec.Size}");
        }

        CloseAfter(context, close);
        if (HttpMethods.IsHead(context.Request.Method))
        {
            ticket.Extend();
            return;
        }

        await RunAsync(context, ticket, image, new ReadOperation(image, imageSize, bytes, Answer.ToClient(context)), "read", bytes.Length);
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
        Ticket ticket = requests.Authorize(ticketId, TicketAccess.Write);
        if (ForwardedImages.Serves(ticket))
        {
            await forwarded.PutAsync(context, ticket, offset);
            return;
        }

        ImageHandle image = await ImageRequests.OpenAsync(context, ticket);
        Stream body = RequestBody.ImageData(context);
        var operation = new WriteOperation(
            image,
            offset,
            isChunked ? null : request.ContentLength,
            ticket.Spec.ReachableSize,
            digest?.Wrap(body) ?? body,
            flush);
        await RunAsync(context, ticket, image, operation, "write", request.ContentLength ?? -1);
        RequestBody.MarkRead(context);
        digest?.Verify(offset, operation.Done);
        CloseAfter(context, close);
        await Answer.Empty(context);
    }

    private async Task PatchAsync(HttpContext context, string id)
    {
        TicketId ticketId = ImageRequests.RequiredId(id);
        // The body comes before the ticket in the order of checks. A body that is larger than any sensible one is gathered for
        // clients with a ticket only.
        ReadOnlyMemory<byte> body = await RequestBody.ReadAllAsync(
            context, allowLarge: () => requests.Authorize(ticketId, TicketAccess.Write));
        var fields = JsonFields.Parse(body);
        switch (fields.RequiredString("op"))
        {
            case "zero":
                // Of any size: what is too large passes the ticket's end, which is 416 and only after authorization.
                long length = WireInteger.Clamp(fields.RequiredBigInteger("size", minimum: 0));
                long offset = WireInteger.Clamp(fields.OptionalBigInteger("offset", minimum: 0) ?? 0);
                bool flush = fields.OptionalBoolean("flush") ?? false;
                await ZeroAsync(context, ticketId, offset, length, flush, body);
                break;
            case "flush":
                await FlushAsync(context, ticketId, body);
                break;
            default:
                throw new TransferException(TransferError.InvalidRequest, "Unknown 'op', expected zero or flush");
        }

    }

    private async Task ZeroAsync(
        HttpContext context, TicketId id, long offset, long length, bool flush, ReadOnlyMemory<byte> body)
    {
        Ticket ticket = requests.Authorize(id, TicketAccess.Write);
        if (ForwardedImages.Serves(ticket))
        {
            await forwarded.PatchAsync(context, ticket, body, "zero", offset, length);
            return;
        }

        ImageHandle image = await ImageRequests.OpenAsync(context, ticket);
        ZeroMode mode = ticket.Spec.Sparse ? ZeroMode.Deallocate : ZeroMode.Allocate;
        var operation = new ZeroOperation(image, offset, length, ticket.Spec.ReachableSize, mode, flush);
        await RunAsync(context, ticket, image, operation, "zero", length);
        await Answer.Empty(context);
    }

    private async Task FlushAsync(HttpContext context, TicketId id, ReadOnlyMemory<byte> body)
    {
        Ticket ticket = requests.Authorize(id, TicketAccess.Write);
        if (ForwardedImages.Serves(ticket))
        {
            await forwarded.PatchAsync(context, ticket, body, "flush", offset: 0, length: 0);
            return;
        }

        ImageHandle image = await ImageRequests.OpenAsync(context, ticket);
        await RunAsync(context, ticket, image, new FlushOperation(image), "flush", 0);
        await Answer.Empty(context);
    }

    private async Task OptionsAsync(HttpContext context, string id)
    {
        if (ImageRequests.RequiredId(id).Reveal() == AnyImage)
        {
            await options.WriteForAnyAsync(context);
            return;
        }

        Ticket ticket = requests.Authorize(new TicketId(id), TicketAccess.Read);
        if (ForwardedImages.Serves(ticket))
        {
            await forwarded.OptionsAsync(context, ticket);
            return;
        }

        ImageHandle image = await ImageRequests.OpenAsync(context, ticket);
        // The answer tells the image's size.
        // Before the answer: who has read it may rely on the new time.
        ticket.Extend();
        await options.WriteAsync(context, ticket, image);
    }

    private async Task RunAsync(
        HttpContext context, Ticket ticket, ImageHandle image, IOperation operation, string name, long length)
    {
        try
        {
            await requests.RunAsync(context, ticket, image.BackendName, operation, name, length);
        }
        finally
        {
            // Used, whatever came of it: a transfer that retries is alive.
            ticket.Extend();
        }
    }

    // The bytes that a Range header means; without one, all that ticket and image both have.
    private static ByteRange Resolve(RangeHeader? range, BigInteger ticketSize, long imageSize)
    {
        long size = WireInteger.Clamp(BigInteger.Min(ticketSize, imageSize));
        if (range is not { } header)
        {
            return new ByteRange(0, size);
        }

        BigInteger last = header.Last ?? BigInteger.Max(header.First, size - 1);
        BigInteger limit = last >= ticketSize ? ticketSize : imageSize;
        return last < size
            ? new ByteRange((long)header.First, (long)last + 1)
            : throw new TransferException(
                TransferError.RangeNotSatisfiable,
                $"Requested range from {header.First} to {last} is out of bounds, there are {limit} bytes")
            {
                Limit = limit,
            };
    }

    private static void CloseAfter(HttpContext context, bool close)
    {
        if (close)
        {
            context.Response.Headers.Connection = "close";
        }
    }

    // Null when there is no such header; one line sent twice counts as malformed where it is parsed.
    private static string? Header(Microsoft.Extensions.Primitives.StringValues values) =>
        values.Count == 0 ? null : values.ToString();
}
