using System.Numerics;
using System.Text.RegularExpressions;
using ImageIO.Core.Errors;

namespace ImageIO.Http.Messages;

/// <summary>
/// A <c>Range</c> header of one range (RFC 9110 section 14.2): <c>bytes=A-B</c> with both ends inclusive, or
/// <c>bytes=A-</c>.
/// </summary>
/// <param name="First">First byte.</param>
/// <param name="Last">Last byte, inclusive. Null: to the end.</param>
public readonly partial record struct RangeHeader(BigInteger First, BigInteger? Last)
{
    /// <summary>Parses the header's value.</summary>
    /// <returns>Null without a header.</returns>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.RangeNotSatisfiable"/>: malformed, several ranges, or a suffix range.
    /// </exception>
    public static RangeHeader? Parse(string? header)
    {
        if (header is null)
        {
            return null;
        }

        Match match = Pattern().Match(header);
        if (match.Success)
        {
            BigInteger first = WireInteger.Parse(match.Groups["first"].ValueSpan);
            BigInteger? last =
                match.Groups["last"].Length == 0 ? null : WireInteger.Parse(match.Groups["last"].ValueSpan);
            if (last is null || last >= first)
            {
                return new RangeHeader(first, last);
            }
        }

        throw new TransferException(
            TransferError.RangeNotSatisfiable, $"Unsupported range '{header}': one range is served, like bytes=0-4095");
    }

    [GeneratedRegex(@"^\s*bytes\s*=\s*(?<first>[0-9]+)-(?<last>[0-9]*)\s*$", RegexOptions.IgnoreCase
        | RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
