using System.Text;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// The head of a request to a daemon: the client's method, and of its headers only those that say something about image
/// data. So no credential, cookie or name of the client's goes further.
/// </summary>
internal sealed class RequestHead
{
    private static readonly string[] Forwarded = ["Range", "Content-Range", "Content-Type", "Content-Digest"];

    /// <summary>Derives it from a client's request.</summary>
    public RequestHead(HttpRequest client, ForwardRequest target)
    {
        // The other methods' bodies have no meaning (RFC 9110 section 9.3), and stay where they are.
        bool mayHaveBody = HttpMethods.IsPut(client.Method) || HttpMethods.IsPatch(client.Method);
        HasBody = mayHaveBody && RequestBody.IsPresent(client);
        IsChunked = HasBody && client.ContentLength is null;
        ExpectsContinue = HasBody
            && client.Headers.Expect.ToString().Equals("100-continue", StringComparison.OrdinalIgnoreCase);

        var head = new StringBuilder();
        head.Append(client.Method).Append(' ').Append(target.PathAndQuery).Append(" HTTP/1.1\r\n");
        Append(head, "Host", target.Upstream.Authority);
        foreach (string name in Forwarded)
        {
            if (client.Headers.TryGetValue(name, out var values))
            {
                foreach (string? value in values)
                {
                    Append(head, name, value);
                }
            }
        }

        if (IsChunked)
        {
            Append(head, "Transfer-Encoding", "chunked");
        }
        else if (mayHaveBody)
        {
            Append(head, "Content-Length", FormattableString.Invariant($"{client.ContentLength ?? 0}"));
        }

        if (ExpectsContinue)
        {
            Append(head, "Expect", "100-continue");
        }

        Bytes = Encoding.UTF8.GetBytes(head.Append("\r\n").ToString());
    }

    /// <summary>From the request line to the empty line.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Whether the client's body follows.</summary>
    public bool HasBody { get; }

    /// <summary>Whether it follows in chunks.</summary>
    public bool IsChunked { get; }

    /// <summary>Whether the body waits for the daemon's permission.</summary>
    public bool ExpectsContinue { get; }

    private static void Append(StringBuilder head, string name, string? value) =>
        head.Append(name).Append(": ").Append(value).Append("\r\n");
}
