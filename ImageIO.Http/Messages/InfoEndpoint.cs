using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Messages;

/// <summary><c>/info/</c> of both hosts: the running version.</summary>
public static class InfoEndpoint
{
    /// <summary>Adds it to a service.</summary>
    /// <param name="router">The router.</param>
    /// <param name="service">The service.</param>
    /// <param name="cors">The daemon's answers to other origins. Null: the host has its own.</param>
    public static void MapInfo(this ServiceRouter router, string service, Cors? cors = null)
    {
        ArgumentNullException.ThrowIfNull(router);
        ResourceHandler get = cors?.Wrap(GetAsync) ?? GetAsync;
        router.Map(service, "/info/", "", new Dictionary<string, ResourceHandler> { ["GET"] = get });
    }

    private static Task GetAsync(HttpContext context, string rest) => Answer.JsonAsync(context, json =>
    {
        json.WriteStartObject();
        json.WriteString("version", ProductVersion.Text);
        json.WriteEndObject();
    });
}
