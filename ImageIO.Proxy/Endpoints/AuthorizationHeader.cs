using Microsoft.Extensions.Primitives;

namespace ImageIO.Proxy.Endpoints;

/// <summary>The <c>Authorization</c> header as managers' clients write it: a signed ticket, with or without <c>Bearer</c>.</summary>
internal static class AuthorizationHeader
{
    private const string Scheme = "Bearer ";

    /// <summary>The signed ticket in it. Null: there is no header.</summary>
    public static string? SignedTicket(HttpRequest request)
    {
        StringValues header = request.Headers.Authorization;
        if (header.Count == 0)
        {
            return null;
        }

        // Two headers come out joined, which is no base64.
        string value = header.ToString();
        return value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? value[Scheme.Length..].TrimStart(' ') : value;
    }
}
