using System.Buffers;
using System.Text.Json;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Hosting;

namespace ImageIO.Web.Endpoints;

/// <summary><c>/images/ID/extents</c>: which ranges of an image are zero, or changed since a checkpoint.</summary>
internal sealed class ExtentsEndpoint(ImageRequests requests, ForwardedImages forwarded)
{
    // Bytes gathered before they are sent: some 600 extents. An answer that fits has a Content-Length; a longer one is
    // streamed, so that a million extents cost no more memory than these.
    private const int FlushSize = 32 * 1024;

    public void Map(ServiceRouter router)
    {
        foreach (string service in Services.ForClients)
        {
            router.Map(service, "/images/", ImageResources.Extents, new Dictionary<string, ResourceHandler> { ["GET"] = GetAsync });
        }
    }

    private async Task GetAsync(HttpContext context, string id)
    {
        Ticket ticket = requests.Authorize(ImageRequests.RequiredId(id), TicketAccess.Read);
        ExtentContext wanted = ParseContext(context.Request);
        if (wanted == ExtentContext.Dirty && !ticket.Spec.Dirty)
        {
            throw NoDirtyExtents(ticket);
        }

        if (ForwardedImages.Serves(ticket))
        {
            await forwarded.ExtentsAsync(context, ticket);
            return;
        }

        ImageHandle image = await ImageRequests.OpenAsync(context, ticket);
        if (wanted == ExtentContext.Dirty && !image.Capabilities.HasDirtyExtents)
        {
            throw NoDirtyExtents(ticket);
        }

        await WriteAsync(context, ExtentMerger.ReadAsync(image, ticket.Spec.ReachableSize, wanted, context.RequestAborted), wanted);
    }

    private static async Task WriteAsync(HttpContext context, IAsyncEnumerable<Extent> extents, ExtentContext wanted)
    {
        context.Response.ContentType = "application/json";
        Stream client = Answer.ToClient(context);
        var buffer = new ArrayBufferWriter<byte>(FlushSize);
        await using var json = new Utf8JsonWriter(buffer);
        json.WriteStartArray();
        bool isEmpty = true;
        await foreach (Extent extent in extents)
        {
            isEmpty = false;
            Write(json, extent, wanted);
            if (buffer.WrittenCount + json.BytesPending >= FlushSize)
            {
                await json.FlushAsync(context.RequestAborted);
                await client.WriteAsync(buffer.WrittenMemory, context.RequestAborted);
                buffer.ResetWrittenCount();
            }
        }

        if (isEmpty)
        {
            // Clients take the end of the last extent for the image's size.
            Write(json, new Extent(new ByteRange(0, 0), ExtentFlags.None), wanted);
        }

        json.WriteEndArray();
        await json.FlushAsync(context.RequestAborted);
        buffer.Write("\n"u8);
        if (!context.Response.HasStarted)
        {
            context.Response.ContentLength = buffer.WrittenCount;
        }

        await client.WriteAsync(buffer.WrittenMemory, context.RequestAborted);
    }

    private static void Write(Utf8JsonWriter json, Extent extent, ExtentContext wanted)
    {
        json.WriteStartObject();
        json.WriteNumber("start", extent.Range.Start);
        json.WriteNumber("length", extent.Range.Length);
        json.WriteBoolean("zero", extent.Flags.HasFlag(ExtentFlags.Zero));
        if (wanted == ExtentContext.Dirty)
        {
            json.WriteBoolean("dirty", extent.Flags.HasFlag(ExtentFlags.Dirty));
        }
        else
        {
            json.WriteBoolean("hole", extent.Flags.HasFlag(ExtentFlags.Hole));
        }

        json.WriteEndObject();
    }

    private static ExtentContext ParseContext(HttpRequest request) =>
        (request.Query.TryGetValue("context", out var values) ? values[^1] : "zero") switch
        {
            "zero" => ExtentContext.Zero,
            "dirty" => ExtentContext.Dirty,
            var other => throw new TransferException(
                TransferError.InvalidRequest, $"Unknown extents context '{other}', expected zero or dirty"),
        };

    private static TransferException NoDirtyExtents(Ticket ticket) =>
        new(TransferError.NotSupported, $"Transfer {ticket.TransferId} has no dirty extents");
}
