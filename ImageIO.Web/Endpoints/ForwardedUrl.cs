using ImageIO.Core.Backends;
using ImageIO.Http.Forwarding;

namespace ImageIO.Web.Endpoints;

/// <summary>URLs of tickets for images of other daemons, which are forwarded and not opened.</summary>
internal static class ForwardedUrl
{
    /// <summary>Their schemes.</summary>
    public static readonly string[] Schemes = ["http", "https"];

    /// <summary>Whether a URL is one.</summary>
    public static bool IsForwarded(ImageUrl url) => Schemes.Contains(url.Scheme, StringComparer.Ordinal);

    /// <summary>Parses such a URL; null if it is malformed.</summary>
    public static UpstreamUrl? Parse(ImageUrl url) => UpstreamUrl.Parse(url.Text);

    /// <summary>A URL for logs, without the ticket id at the end of another daemon's URL.</summary>
    public static string WithoutSecret(ImageUrl url) => IsForwarded(url) ? Parse(url)?.Origin ?? url.Scheme : url.Text;
}
