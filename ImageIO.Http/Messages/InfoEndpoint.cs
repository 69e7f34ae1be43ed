using ImageIO.Http.Hosting;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Messages;

/// <summary><c>/info/</c> of both hosts: which version runs here.</summary>
public static class InfoEndpoint
{
    /// <summary>Adds it to a service.</summary>
    public static void MapInfo(this ServiceRouter router, string service, Cors cors)
    {
        ArgumentNullException.ThrowIfNull(router);
        router.Map(service, "/info/", "", new Dictionary<string, ResourceHandler> { ["GET"] = cors.Wrap(GetAsync) });
    }

    private static Task GetAsync(HttpContext context, string rest) => Answer.JsonAsync(context, json =>
    {
        json.WriteStartObject();
        json.WriteString("version", ProductVersion.Text);
        json.WriteEndObject();
    });
}
