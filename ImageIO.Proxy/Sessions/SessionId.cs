using Microsoft.AspNetCore.WebUtilities;

namespace ImageIO.Proxy.Sessions;

/// <summary>Where clients send a session id. A secret, like a ticket's id.</summary>
internal static class SessionId
{
    /// <summary>The header of answers and of most requests.</summary>
    public const string Header = "Session-Id";

    /// <summary>The query parameter, for a download by plain navigation, which cannot have headers.</summary>
    public const string Query = "session_id";

    private const char Separator = '&';
    private const string OtherHeader = "X-Session-Id";

    /// <summary>The id in a request, from the first of these places that has one. Null: none.</summary>
    public static string? Of(HttpRequest request) =>
        FirstOf(request.Headers[Header]) ?? FirstOf(request.Headers[OtherHeader]) ?? FirstOf(request.Query[Query]);

    /// <summary>A query without session ids, in any spelling of the parameter.</summary>
    public static string RemoveFrom(QueryString query)
    {
        if (query.Value is not { Length: > 1 } text)
        {
            return "";
        }

        IEnumerable<string> rest = text[1..].Split(Separator).Where(part => !Bears(part));
        return string.Join(Separator, rest) is { Length: > 0 } others ? $"?{others}" : "";
    }

    // Uses the parser that finds the id in a query, so that both agree on every spelling.
    private static bool Bears(string parameter)
    {
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(parameter))
        {
            if (pair.DecodeName().Span.Equals(Query, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private static string? FirstOf(Microsoft.Extensions.Primitives.StringValues values) =>
        values.Count > 0 ? values.ToString() : null;
}
