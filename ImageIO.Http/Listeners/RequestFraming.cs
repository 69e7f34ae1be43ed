using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Finds the start and end of a connection's requests (RFC 9112 section 6) in their bytes. The server judges the same
/// bytes, and ends the connection of a client that breaks the rules.
/// </summary>
internal sealed class RequestFraming
{
    private const byte Colon = (byte)':';

    private static readonly SearchValues<byte> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"u8);

    private readonly ChunkedFraming _chunks = new();
    private bool _hasRequestLine;
    private bool _isChunked;
    private long _contentLength;

    // Remaining bytes of the head, then of a body of known length.
    private long _headLeft;
    private long _bodyLeft;

    /// <summary>Whether the current request's head is complete; false before a request.</summary>
    public bool IsHeadComplete { get; private set; }

    /// <summary>Whether the head has a Host header.</summary>
    public bool HasHost { get; private set; }

    /// <summary>
    /// Examines the next line of the head. A Host value that the server would refuse is overwritten in place.
    /// </summary>
    /// <param name="line">The line without its LF.</param>
    /// <returns>Whether it ends the head.</returns>
    public bool AddLine(ReadOnlySequence<byte> line)
    {
        bool isEmpty = line.IsEmpty || (line.Length == 1 && line.FirstSpan[0] == '\r');
        if (!_hasRequestLine)
        {
            // Empty lines may come before it (RFC 9112 section 2.2).
            _hasRequestLine = !isEmpty;
            return false;
        }

        if (isEmpty)
        {
            return true;
        }

        AddField(line.IsSingleSegment ? line.FirstSpan : line.ToArray(), line);
        return false;
    }

    /// <summary>Notes that the head is complete, and how many bytes of it the server is shown.</summary>
    public void BodyBeginsAfter(long headBytes)
    {
        IsHeadComplete = true;
        _headLeft = headBytes;
        _bodyLeft = _contentLength;
        _chunks.Begin();
        EndIfComplete();
    }

    /// <summary>Counts bytes that the server has consumed.</summary>
    public void Pass(ReadOnlySequence<byte> bytes)
    {
        if (!IsHeadComplete || bytes.IsEmpty)
        {
            return;
        }

        long ofHead = Math.Min(_headLeft, bytes.Length);
        _headLeft -= ofHead;
        if (!_isChunked)
        {
            _bodyLeft -= bytes.Length - ofHead;
        }
        else if (bytes.Length > ofHead)
        {
            _chunks.Pass(bytes.Slice(ofHead));
        }

        EndIfComplete();
    }

    // The next byte belongs to the next request.
    private void EndIfComplete()
    {
        if (_headLeft == 0 && (_isChunked ? _chunks.IsAtEnd : _bodyLeft <= 0))
        {
            (IsHeadComplete, HasHost, _hasRequestLine, _isChunked, _contentLength) = (false, false, false, false, 0);
        }
    }

    private void AddField(ReadOnlySpan<byte> field, ReadOnlySequence<byte> line)
    {
        int colon = field.IndexOf(Colon);
        if (colon < 0)
        {
            return;
        }

        ReadOnlySpan<byte> name = field[..colon];
        ReadOnlySpan<byte> value = field[(colon + 1)..].Trim(" \t\r"u8);
        if (Ascii.EqualsIgnoreCase(name, "host"u8))
        {
            HasHost = true;
            if (!IsOrdinary(value))
            {
                int start = colon + 1 + field[(colon + 1)..].IndexOfAnyExcept(" \t\r"u8);
                Overwrite(line.Slice(start, value.Length));
            }
        }
        else if (Ascii.EqualsIgnoreCase(name, "content-length"u8))
        {
            _contentLength = Utf8Parser.TryParse(value, out long length, out int used)
                && used == value.Length ? length : 0;
        }
        else if (Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8))
        {
            _isChunked = true;
        }
    }

    // A name or an IPv4 address, with or without a port, or empty.
    private static bool IsOrdinary(ReadOnlySpan<byte> host)
    {
        int end = host.IndexOfAnyExcept(NameCharacters);
        ReadOnlySpan<byte> port = end < 0 ? default : host[(end + 1)..];
        return end < 0
            || (end > 0 && host[end] == Colon && !port.IsEmpty && !port.ContainsAnyExceptInRange((byte)'0', (byte)'9'));
    }

    private static void Overwrite(ReadOnlySequence<byte> value)
    {
        foreach (ReadOnlyMemory<byte> part in value)
        {
            MemoryMarshal.AsMemory(part).Span.Fill((byte)'h');
        }
    }
}
