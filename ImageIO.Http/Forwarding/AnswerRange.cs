using System.Globalization;
using System.Text.RegularExpressions;

namespace ImageIO.Http.Forwarding;

/// <summary>The <c>Content-Range</c> of an answer (RFC 9110 section 14.4).</summary>
/// <param name="First">First byte.</param>
/// <param name="Last">Last byte, inclusive.</param>
/// <param name="Size">Size of the resource, which with a daemon is its ticket's size. Null: not stated.</param>
internal readonly partial record struct AnswerRange(long First, long Last, long? Size)
{
    /// <summary>Bytes in the range.</summary>
    public long Length => Last - First + 1;

    /// <summary>Parses the field's value. Null: there is no field, or it is malformed.</summary>
    public static AnswerRange? Parse(string? value)
    {
        Match match = Pattern().Match(value ?? "");
        if (!match.Success
            || !TryParse(match.Groups["first"], out long first) || !TryParse(match.Groups["last"], out long last)
            || last < first || last == long.MaxValue)
        {
            return null;
        }

        // A ticket may be larger than any image. Its size then counts as the largest.
        long? size = match.Groups["size"] is not { ValueSpan: not "*" } group ? null
            : TryParse(group, out long given) ? given : long.MaxValue;
        return size <= last ? null : new AnswerRange(first, last, size);
    }

    private static bool TryParse(Group digits, out long value) =>
        long.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    [GeneratedRegex("^bytes (?<first>[0-9]+)-(?<last>[0-9]+)/(?<size>[0-9]+|\\*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
