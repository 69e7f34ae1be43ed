using System.Globalization;
using System.Text.RegularExpressions;

namespace ImageIO.Http.Forwarding;

/// <summary>The <c>Content-Range</c> of an answer (RFC 9110 section 14.4).</summary>
/// <param name="First">First byte.</param>
/// <param name="Last">Last byte, inclusive.</param>
/// <param name="Size">Bytes in all; what a daemon calls that is its ticket's size. Null: it does not say.</param>
internal readonly partial record struct AnswerRange(long First, long Last, long? Size)
{
    /// <summary>Bytes in the range.</summary>
    public long Length => Last - First + 1;

    /// <summary>Reads the field's value. Null: there is none, or it is no range.</summary>
    public static AnswerRange? Parse(string? value)
    {
        Match match = Pattern().Match(value ?? "");
        if (!match.Success
            || !TryParse(match.Groups["first"], out long first) || !TryParse(match.Groups["last"], out long last)
            || last < first || last == long.MaxValue)
        {
            return null;
        }

        // A ticket may be larger than any image: then its size counts as the largest.
        long? size = match.Groups["size"] is not { ValueSpan: not "*" } group ? null
            : TryParse(group, out long given) ? given : long.MaxValue;
        return size <= last ? null : new AnswerRange(first, last, size);
    }

    private static bool TryParse(Group digits, out long value) =>
        long.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    [GeneratedRegex("^bytes (?<first>[0-9]+)-(?<last>[0-9]+)/(?<size>[0-9]+|\\*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
