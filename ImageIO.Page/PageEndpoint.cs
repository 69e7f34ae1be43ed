using ImageIO.Core.Errors;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace ImageIO.Page;

/// <summary><c>GET /</c> of both hosts: the page with which people upload and download an image in a browser.</summary>
public static class PageEndpoint
{
    // Nothing but what this host serves, and nothing inline: what a file's name or a server's answer says stays text.
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    // The address stays the same when the program is updated: ask each time whether it is still this one.
    private const string AskAgain = "no-cache";

    // The address has a hash of the content in it (RFC 8246). A year, the most that caches heed.
    private const string KeepForEver = "public, max-age=31536000, immutable";

    /// <summary>Adds it to a service.</summary>
    /// <param name="router">The router.</param>
    /// <param name="service">The service.</param>
    public static void MapPage(this ServiceRouter router, string service)
    {
        ArgumentNullException.ThrowIfNull(router);
        var files = PageFiles.Load();
        Map(router, service, "/", (context, _) => WriteAsync(context, files.Index, AskAgain));
        Map(router, service, files.Folder, (context, name) => files.Others.TryGetValue(name, out PageFile? file)
            ? WriteAsync(context, file, KeepForEver)
            : throw new TransferException(TransferError.ResourceUnknown, "No such resource"));
    }

    private static void Map(ServiceRouter router, string service, string path, ResourceHandler handler) => router.Map(
        service, path, "", new Dictionary<string, ResourceHandler> { ["GET"] = handler, ["HEAD"] = handler });

    private static async Task WriteAsync(HttpContext context, PageFile file, string cacheControl)
    {
        HttpResponse response = context.Response;
        response.Headers.ContentSecurityPolicy = ContentSecurityPolicy;
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        response.Headers.CacheControl = cacheControl;
        response.Headers.ETag = file.ETag;
        if (Has(context.Request.Headers.IfNoneMatch, file.ETag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        response.ContentType = file.ContentType;
        response.ContentLength = file.Content.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await Answer.ToClient(context).WriteAsync(file.Content, context.RequestAborted);
        }
    }

    // RFC 9110 section 13.1.2: a list, compared weakly; "*" is whatever there is.
    private static bool Has(StringValues ifNoneMatch, string tag) => ifNoneMatch
        .SelectMany(line => line!.Split(',', StringSplitOptions.TrimEntries))
        .Any(given => given == "*" || given == tag || given == $"W/{tag}");
}
