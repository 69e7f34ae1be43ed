using System.Buffers;
using System.Globalization;

namespace ImageIO.Http.Listeners;

/// <summary>Where a request's body ends (RFC 9112 section 6), told from its head; consumed as the body passes by.</summary>
internal sealed class RequestFraming
{
    private long _remaining;

    private RequestFraming(bool hasHost, long length)
    {
        HasHost = hasHost;
        _remaining = length;
    }

    /// <summary>A request whose end is not known: everything that follows counts to its body.</summary>
    public static RequestFraming Unknown => new(hasHost: true, long.MaxValue);

    /// <summary>Whether the head has a Host header.</summary>
    public bool HasHost { get; }

    /// <summary>Whether the body has passed by.</summary>
    public bool IsAtEnd => _remaining == 0;

    /// <summary>Reads a head, from its first line to the empty line.</summary>
    public static RequestFraming Of(string head)
    {
        bool hasHost = false;
        bool isChunked = false;
        long length = 0;
        // At LF alone: to EnumerateLines the second byte of some letters in UTF-8 would be a line end, too.
        foreach (Range part in head.AsSpan().Split('\n'))
        {
            ReadOnlySpan<char> line = head.AsSpan(part);
            int colon = line.IndexOf(':');
            ReadOnlySpan<char> name = colon < 0 ? default : line[..colon];
            if (name.Equals("Host", StringComparison.OrdinalIgnoreCase))
            {
                hasHost = true;
            }
            else if (name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
            {
                length = long.TryParse(line[(colon + 1)..].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long given)
                    ? given
                    : long.MaxValue;
            }
            else if (name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase))
            {
                // Chunks would have to be parsed to find their end. No manager sends them, and one that does sends Host
                // too; so the rest of the connection is left as it is.
                isChunked = true;
            }
        }

        return new RequestFraming(hasHost, isChunked ? long.MaxValue : length);
    }

    /// <summary>Counts the part of <paramref name="bytes"/> that belongs to the body as passed by, and returns its length.</summary>
    public long Take(ReadOnlySequence<byte> bytes)
    {
        long taken = Math.Min(_remaining, bytes.Length);
        if (_remaining != long.MaxValue)
        {
            _remaining -= taken;
        }

        return taken;
    }
}
