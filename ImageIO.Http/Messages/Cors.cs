using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace ImageIO.Http.Messages;

/// <summary>
/// The daemon's part in cross-origin requests (Fetch standard, section "CORS protocol"): a page of another origin may
/// use an image's URL, and may read error texts.
/// </summary>
/// <param name="allowedOrigins">Allowed origins, separated by blanks; <c>*</c>: any.</param>
public sealed class Cors(string allowedOrigins)
{
    private const string AnyOrigin = "*";

    /// <summary>Seconds that a browser may cache a preflight's answer: a day, longer than any transfer's
    /// ticket.</summary>
    private const string MaxAgeSeconds = "86400";

    private readonly string[] _allowed = allowedOrigins.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Adds the headers to a handler's answers, errors included.</summary>
    public ResourceHandler Wrap(ResourceHandler handler) => (context, argument) =>
    {
        IHeaderDictionary request = context.Request.Headers;
        if (request.Origin.Count > 0
            || request.AccessControlRequestHeaders.Count > 0 || request.AccessControlRequestMethod.Count > 0)
        {
            // As late as possible, because an error answer first clears all headers.
            context.Response.OnStarting(() =>
            {
                Apply(context);
                return Task.CompletedTask;
            });
        }

        return handler(context, argument);
    };

    private void Apply(HttpContext context)
    {
        IHeaderDictionary request = context.Request.Headers;
        IHeaderDictionary response = context.Response.Headers;
        if (request.Origin.Count > 0)
        {
            string? origin = AllowedOrigin(request.Origin);
            response.AccessControlAllowOrigin = origin;
            if (origin != AnyOrigin)
            {
                // For refused origins, too: a cache must not give one origin's answer to another (Fetch, "CORS protocol
                // and HTTP caches").
                response.Vary = "Origin";
            }
        }

        if (request.AccessControlRequestHeaders.Count > 0)
        {
            response.AccessControlAllowHeaders = "*";
        }

        if (request.AccessControlRequestMethod.Count > 0)
        {
            response.AccessControlAllowMethods = HttpMethods.IsOptions(
                context.Request.Method) ? "OPTIONS,GET,PUT" : "*";
        }

        response.AccessControlMaxAge = MaxAgeSeconds;
    }

    private string? AllowedOrigin(StringValues origin) =>
        _allowed.Contains(AnyOrigin, StringComparer.Ordinal)
            ? AnyOrigin
            : _allowed.FirstOrDefault(allowed => allowed.Equals(origin.ToString(), StringComparison.OrdinalIgnoreCase));
}
