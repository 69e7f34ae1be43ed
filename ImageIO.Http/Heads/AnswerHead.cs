using System.Text;

namespace ImageIO.Http.Heads;

/// <summary>The head of an answer (RFC 9112 section 4).</summary>
internal sealed class AnswerHead
{
    /// <summary>The status that permits a client to send the body of its request.</summary>
    public const int Continue = 100;

    /// <summary>The status after which another protocol is spoken.</summary>
    public const int SwitchingProtocols = 101;

    private const int NoContent = 204;
    private const int NotModified = 304;

    private AnswerHead(int status, bool isHttp11, HeadFields fields)
    {
        Status = status;
        Fields = fields;
        ClosesConnection = fields.HasWord("Connection", "close")
            || (!isHttp11 && !fields.HasWord("Connection", "keep-alive"));
        BodyFraming? framing = BodyFraming.Of(fields, isHttp11);
        bool hasNoBody = IsInformational || status == NoContent;
        if (hasNoBody && framing is { Length: not 0 })
        {
            throw new FormatException($"an answer with the status {status} has no body, but its head gives a length");
        }

        Body = hasNoBody || status == NotModified ? BodyFraming.None : framing ?? BodyFraming.ToEnd;
    }

    /// <summary>The status code, 100 to 599.</summary>
    public int Status { get; }

    /// <summary>The fields.</summary>
    public HeadFields Fields { get; }

    /// <summary>The body of the answer, unless the request was HEAD.</summary>
    public BodyFraming Body { get; }

    /// <summary>Whether it is interim, and the final answer follows (RFC 9110 section 15.2).</summary>
    public bool IsInformational => Status < 200;

    /// <summary>Whether the connection ends after this answer.</summary>
    public bool ClosesConnection { get; }

    /// <summary>Parses a head.</summary>
    /// <param name="head">From the first byte up to the empty line.</param>
    /// <exception cref="FormatException">Two readers could understand it differently.</exception>
    public static AnswerHead Parse(ReadOnlySpan<byte> head)
    {
        // Content-Disposition is passed on as the daemon wrote it: UTF-8.
        ReadOnlySpan<char> text = Encoding.UTF8.GetString(head);
        int end = text.IndexOf("\r\n", StringComparison.Ordinal);
        ReadOnlySpan<char> line = end < 0 ? text : text[..end];
        (int status, bool isHttp11) = ParseStatusLine(line);
        return new AnswerHead(status, isHttp11, HeadFields.Parse(end < 0 ? default : text[(end + 2)..]));
    }

    // "HTTP/1.1 200 OK". Some servers leave out the reason, with the space before it.
    private static (int Status, bool IsHttp11) ParseStatusLine(ReadOnlySpan<char> line)
    {
        bool isHttp11 = line.StartsWith("HTTP/1.1 ", StringComparison.Ordinal);
        if ((isHttp11 || line.StartsWith("HTTP/1.0 ", StringComparison.Ordinal))
            && line[9..] is [>= '1' and <= '5' and var a, var b, var c, ..]
            && char.IsAsciiDigit(b) && char.IsAsciiDigit(c)
            && (line.Length == 12 || line[12] == ' ') && HeadText.IsValue(line[12..]))
        {
            return (((a - '0') * 100) + ((b - '0') * 10) + (c - '0'), isHttp11);
        }

        throw new FormatException("the first line is no status line of HTTP/1.1");
    }
}
