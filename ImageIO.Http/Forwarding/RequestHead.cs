using ImageIO.Http.Heads;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// The head of a request to a daemon: the client's method, and of its fields only those that say something about image
/// data. So no credential, cookie or name of the client's goes further.
/// </summary>
internal sealed class RequestHead
{
    private static readonly string[] Forwarded = ["Content-Range", "Content-Type", "Content-Digest"];

    /// <summary>Derives it from a client's request.</summary>
    /// <param name="client">The client's.</param>
    /// <param name="target">Where it goes to.</param>
    /// <param name="via">The forwarders that it passed through, this one included.</param>
    /// <param name="trace">The trace that the request belongs to.</param>
    public RequestHead(HttpRequest client, ForwardRequest target, string via, TraceFields trace)
    {
        // The other methods' bodies have no meaning (RFC 9110 section 9.3), and are not forwarded.
        bool mayHaveBody = HttpMethods.IsPut(client.Method) || HttpMethods.IsPatch(client.Method);
        HasBody = mayHaveBody && target.Body is null && RequestBody.IsPresent(client);
        bool isChunked = HasBody && client.ContentLength is null;
        ExpectsContinue = HasBody
            && client.Headers.Expect.ToString().Equals("100-continue", StringComparison.OrdinalIgnoreCase);

        var head = new HeadWriter(client.Method, target.PathAndQuery);
        head.Field("Host", target.Upstream.Authority);
        head.Field("Via", via);
        if ((target.View?.Asked ?? NullIfEmpty(client.Headers.Range)) is { } range)
        {
            head.Field("Range", range);
        }

        if (trace.Parent is { } parent)
        {
            head.Field("traceparent", parent);
            if (trace.State is { Length: > 0 } state)
            {
                head.Field("tracestate", state);
            }
        }

        foreach (string name in Forwarded)
        {
            foreach (string? value in client.Headers[name])
            {
                head.Field(name, value ?? "");
            }
        }

        if (isChunked)
        {
            head.Field("Transfer-Encoding", "chunked");
        }
        else if (mayHaveBody)
        {
            head.Field(
                "Content-Length", FormattableString.Invariant($"{target.Body?.Length ?? client.ContentLength ?? 0}"));
        }

        if (ExpectsContinue)
        {
            head.Field("Expect", "100-continue");
        }

        Bytes = head.End();
    }

    /// <summary>From the request line to the empty line.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Whether the client's body follows.</summary>
    public bool HasBody { get; }

    /// <summary>Whether the body waits for the daemon's permission.</summary>
    public bool ExpectsContinue { get; }

    private static string? NullIfEmpty(Microsoft.Extensions.Primitives.StringValues values) =>
        values.Count == 0 ? null : values.ToString();
}
