using ImageIO.Http.Hosting;
using ImageIO.Http.Messages;
using ImageIO.Web.Hosting;

namespace ImageIO.Web.Endpoints;

/// <summary><c>/info/</c>: which version runs here.</summary>
internal static class InfoEndpoint
{
    public static void MapInfo(this ServiceRouter router) =>
        router.Map(Services.Remote, "/info/", "", new Dictionary<string, ResourceHandler> { ["GET"] = GetAsync });

    private static Task GetAsync(HttpContext context, string rest) => Answer.JsonAsync(context, json =>
    {
        json.WriteStartObject();
        json.WriteString("version", ProductVersion.Text);
        json.WriteEndObject();
    });
}
