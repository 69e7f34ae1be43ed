using System.Globalization;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Checksums;
using ImageIO.Web.Options;

namespace ImageIO.Web.Endpoints;

/// <summary><c>/images/ID/checksum</c>: the checksum of a ticket's image, and the available algorithms.</summary>
internal sealed class ChecksumEndpoint(ImageRequests requests)
{
    private const int BlockAlignment = 4096;

    public void Map(ServiceRouter router)
    {
        foreach (string service in Services.ForClients)
        {
            router.Map(
                service,
                "/images/",
                ImageResources.ChecksumAlgorithms,
                new Dictionary<string, ResourceHandler> { ["GET"] = GetAlgorithmsAsync });
            // A refusal keeps the connection, unlike that of the image itself (daemon-api section 4).
            router.Map(
                service,
                "/images/",
                ImageResources.Checksum,
                new Dictionary<string, ResourceHandler> { ["GET"] = GetAsync },
                keepsConnection: true);
        }
    }

    private static Task GetAlgorithmsAsync(HttpContext context, string id)
    {
        // No ticket is needed, but an id, as in every path under /images/.
        ImageRequests.RequiredId(id);
        return Answer.JsonAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("algorithms");
            foreach (string name in HashAlgorithms.Names)
            {
                json.WriteStringValue(name);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private async Task GetAsync(HttpContext context, string id)
    {
        TicketId ticketId = ImageRequests.RequiredId(id);
        string algorithm = context.Request.Query.TryGetValue(
            "algorithm", out var names) ? names[^1]! : HashAlgorithms.Default;
        Func<IBlockHash> newHash = HashAlgorithms.Find(algorithm) ?? throw new TransferException(
            TransferError.InvalidRequest,
            $"Unsupported algorithm '{algorithm}', supported: {string.Join(", ", HashAlgorithms.Names)}");
        int blockSize = ParseBlockSize(context.Request);
        IRequestedImage image = requests.Authorize(ticketId, TicketAccess.Read);
        await image.ChecksumAsync(context, new ChecksumRequest(algorithm, blockSize, newHash));
    }

    private static int ParseBlockSize(HttpRequest request)
    {
        if (!request.Query.TryGetValue("block_size", out var values))
        {
            return ChecksumOperation.DefaultBlock;
        }

        return int.TryParse(values[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int size)
            && size is >= ChecksumOperation.SmallestBlock and <= ChecksumOperation.LargestBlock
            && size % BlockAlignment == 0
            ? size
            : throw new TransferException(
                TransferError.InvalidRequest,
                $"Invalid block_size '{values[^1]}', expected {ChecksumOperation.SmallestBlock} to "
                + $"{ChecksumOperation.LargestBlock}, a multiple of {BlockAlignment}");
    }
}
