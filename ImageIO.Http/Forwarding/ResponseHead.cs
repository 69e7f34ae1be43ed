using System.Globalization;
using System.Text;

namespace ImageIO.Http.Forwarding;

/// <summary>The head of a daemon's answer (RFC 9112 sections 4 and 5).</summary>
internal sealed class ResponseHead
{
    private readonly List<KeyValuePair<string, string>> _fields = [];

    private ResponseHead(int status, bool isHttp11)
    {
        Status = status;
        IsHttp11 = isHttp11;
    }

    /// <summary>The status code.</summary>
    public int Status { get; }

    /// <summary>Whether more answers may come before the one that counts (RFC 9110 section 15.2).</summary>
    public bool IsInformational => Status is >= 100 and < 200;

    /// <summary>Whether the connection ends behind this answer.</summary>
    public bool ClosesConnection => Field("Connection") is { } value
        ? value.Contains("close", StringComparison.OrdinalIgnoreCase)
        : !IsHttp11;

    /// <summary>Whether the body comes in chunks.</summary>
    public bool IsChunked => Field("Transfer-Encoding") is not null;

    /// <summary>Bytes of the body. Null: the daemon does not say.</summary>
    public long? ContentLength { get; private init; }

    private bool IsHttp11 { get; }

    /// <summary>Reads a head, from its first line to the empty line, which is left out.</summary>
    /// <returns>Null: it is none, or one that different readers would understand differently.</returns>
    public static ResponseHead? Parse(ReadOnlySpan<byte> bytes)
    {
        // Clients get Content-Disposition as the daemon wrote it: UTF-8.
        string[] lines = Encoding.UTF8.GetString(bytes).Split('\n');
        string[] statusLine = lines[0].TrimEnd('\r').Split(' ', 3);
        if (statusLine.Length < 2 || statusLine[0] is not ("HTTP/1.1" or "HTTP/1.0") || statusLine[1].Length != 3
            || !int.TryParse(statusLine[1], NumberStyles.None, CultureInfo.InvariantCulture, out int status))
        {
            return null;
        }

        var fields = new List<KeyValuePair<string, string>>();
        foreach (string line in lines.AsSpan(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1 || char.IsWhiteSpace(line[0]))
            {
                return null;
            }

            fields.Add(new(line[..colon], line[(colon + 1)..].Trim(' ', '\t', '\r')));
        }

        string[] lengths = [.. Values(fields, "Content-Length").Distinct(StringComparer.Ordinal)];
        long length = 0;
        string[] encodings = [.. Values(fields, "Transfer-Encoding")];
        if (lengths.Length > 1 || encodings.Length > 1 || (lengths.Length == 1 && encodings.Length == 1)
            || (lengths.Length == 1 && !long.TryParse(lengths[0], NumberStyles.None, CultureInfo.InvariantCulture, out length))
            || (encodings.Length == 1 && !encodings[0].Equals("chunked", StringComparison.OrdinalIgnoreCase)))
        {
            return null;
        }

        var head = new ResponseHead(status, statusLine[0] == "HTTP/1.1") { ContentLength = lengths.Length == 1 ? length : null };
        head._fields.AddRange(fields);
        return head;
    }

    /// <summary>The value of a header; null when there is none, the first when there are several.</summary>
    public string? Field(string name) => Values(_fields, name).FirstOrDefault();

    private static IEnumerable<string> Values(IEnumerable<KeyValuePair<string, string>> fields, string name) =>
        fields.Where(field => field.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(field => field.Value);
}
