using System.Globalization;
using System.Text;

namespace ImageIO.Backends.Nbd.Wire;

/// <summary>
/// Texts of the server. They go into the log, so control characters are escaped: a server cannot forge lines.
/// </summary>
internal static class ServerText
{
    /// <summary>Most bytes of a text or a name (NBD's doc/proto.md).</summary>
    public const int Most = 4096;

    /// <summary>The text in a form for one line of a log.</summary>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        string text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, Most)]);
        if (!text.AsSpan().ContainsAny(Escaped))
        {
            return text;
        }

        var escaped = new StringBuilder(text.Length + 16);
        foreach (char c in text)
        {
            _ = Escaped.Contains(c)
                ? escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}")
                : escaped.Append(c);
        }

        return escaped.ToString();
    }

    // C0 and C1 controls, DEL, and the two line separators of Unicode.
    private static readonly System.Buffers.SearchValues<char> Escaped = System.Buffers.SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7f, 0x21)).Select(c => (char)c), '\u2028', '\u2029']);
}
