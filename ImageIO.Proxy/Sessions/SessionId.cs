namespace ImageIO.Proxy.Sessions;

/// <summary>Where clients put a session id. It is a secret like a ticket's: who knows it may use the ticket.</summary>
internal static class SessionId
{
    /// <summary>The header of answers, and of most requests.</summary>
    public const string Header = "Session-Id";

    /// <summary>The query parameter, for a download by plain navigation, which cannot have headers.</summary>
    public const string Query = "session_id";

    private const string OtherHeader = "X-Session-Id";

    /// <summary>The id that a request bears; of several, the one in the first of these places. Null: none.</summary>
    public static string? Of(HttpRequest request) =>
        FirstOf(request.Headers[Header]) ?? FirstOf(request.Headers[OtherHeader]) ?? FirstOf(request.Query[Query]);

    private static string? FirstOf(Microsoft.Extensions.Primitives.StringValues values) => values.Count > 0 ? values.ToString() : null;
}
