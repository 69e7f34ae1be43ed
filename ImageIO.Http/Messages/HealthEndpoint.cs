using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace ImageIO.Http.Messages;

/// <summary>
/// <c>/health/live</c>: the process answers. <c>/health/ready</c>: it takes new work, which it does until it stops.
/// </summary>
public static class HealthEndpoint
{
    /// <summary>Adds both to a service.</summary>
    public static void MapHealth(this ServiceRouter router, string service, IHostApplicationLifetime lifetime)
    {
        ArgumentNullException.ThrowIfNull(router);
        router.Map(service, "/health/live", "", new Dictionary<string, ResourceHandler>
        {
            ["GET"] = (context, _) => StatusAsync(context, StatusCodes.Status200OK, "ok"),
        });
        router.Map(service, "/health/ready", "", new Dictionary<string, ResourceHandler>
        {
            ["GET"] = (context, _) => lifetime.ApplicationStopping.IsCancellationRequested
                ? StatusAsync(context, StatusCodes.Status503ServiceUnavailable, "stopping")
                : StatusAsync(context, StatusCodes.Status200OK, "ok"),
        });
    }

    private static async Task StatusAsync(HttpContext context, int status, string text) =>
        await Answer.JsonAsync(
            context,
            json =>
            {
                json.WriteStartObject();
                json.WriteString("status", text);
                json.WriteEndObject();
            },
            status);
}
