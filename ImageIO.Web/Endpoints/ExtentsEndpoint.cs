using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Options;

namespace ImageIO.Web.Endpoints;

/// <summary><c>/images/ID/extents</c>: the ranges of an image that are zero, or changed since a checkpoint.</summary>
internal sealed class ExtentsEndpoint(ImageRequests requests)
{
    public void Map(ServiceRouter router)
    {
        foreach (string service in Services.ForClients)
        {
            router.Map(
                service,
                "/images/", ImageResources.Extents, new Dictionary<string, ResourceHandler> { ["GET"] = GetAsync });
        }
    }

    private async Task GetAsync(HttpContext context, string id)
    {
        IRequestedImage image = requests.Authorize(ImageRequests.RequiredId(id), TicketAccess.Read);
        await image.ExtentsAsync(context, ParseContext(context.Request));
    }

    private static ExtentContext ParseContext(HttpRequest request) =>
        (request.Query.TryGetValue("context", out var values) ? values[^1] : "zero") switch
        {
            "zero" => ExtentContext.Zero,
            "dirty" => ExtentContext.Dirty,
            var other => throw new TransferException(
                TransferError.InvalidRequest, $"Unknown extents context '{other}', expected zero or dirty"),
        };
}
