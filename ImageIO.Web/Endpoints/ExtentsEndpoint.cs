using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Hosting;

namespace ImageIO.Web.Endpoints;

/// <summary><c>/images/ID/extents</c>: which ranges of an image are zero, or changed since a checkpoint.</summary>
internal sealed class ExtentsEndpoint(ImageRequests requests, ForwardedImages forwarded)
{
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

        await using var answer = new ExtentsAnswer(context, wanted);
        var operation = new ExtentsOperation(image, ticket.Spec.ReachableSize, wanted, answer.AddAsync);
        await requests.RunAsync(context, ticket, image.BackendName, operation, "extents", -1);
        await answer.EndAsync();
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
