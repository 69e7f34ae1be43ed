using System.Buffers;
using System.Globalization;

namespace ImageIO.Http.Heads;

/// <summary>The line before a chunk of a body (RFC 9112 section 7.1).</summary>
internal static class ChunkLine
{
    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789abcdefABCDEF"u8);

    /// <summary>The length of the chunk. 0: the body is complete, and its trailers follow.</summary>
    /// <param name="line">The line without its end.</param>
    /// <exception cref="FormatException">The length is missing or impossible.</exception>
    public static long Parse(ReadOnlySpan<byte> line)
    {
        int semicolon = line.IndexOf((byte)';');
        // Spaces before an extension are tolerated (RFC 9110 section 5.6.3); extensions are ignored.
        ReadOnlySpan<byte> digits = semicolon < 0 ? line : line[..semicolon].TrimEnd(" \t"u8);
        ReadOnlySpan<byte> extension = semicolon < 0 ? default : line[semicolon..];
        // The parser ignores NULs behind the digits.
        if (digits.ContainsAnyExcept(Digits)
            || !long.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long length)
            || length < 0 || extension.ContainsAny((byte)'\r', (byte)'\n', (byte)'\0'))
        {
            throw new FormatException("a chunk of the body has no valid length");
        }

        return length;
    }

    /// <summary>Writes the line before a chunk of this length.</summary>
    public static int Write(int length, Span<byte> line)
    {
        _ = length.TryFormat(line, out int digits, "x", CultureInfo.InvariantCulture);
        "\r\n"u8.CopyTo(line[digits..]);
        return digits + 2;
    }
}
