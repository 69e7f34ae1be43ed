using System.Numerics;
using System.Text.RegularExpressions;
using ImageIO.Core.Errors;

namespace ImageIO.Http.Messages;

/// <summary>
/// A request's <c>Content-Range</c> header (RFC 9110 section 14.4): <c>bytes A-B/C</c>, where B and C may be <c>*</c>.
/// Only A is used, but the others must make sense.
/// </summary>
public static partial class ContentRangeHeader
{
    /// <summary>The offset in the header's value.</summary>
    /// <returns>0 without a header; at most 2^63 - 1, where no image has a byte.</returns>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.InvalidRequest"/>: blank, malformed, A above B, or B at or above C.
    /// </exception>
    public static long ParseOffset(string? header)
    {
        if (header is null)
        {
            return 0;
        }

        Match match = Pattern().Match(header);
        if (match.Success)
        {
            BigInteger first = WireInteger.Parse(match.Groups["first"].ValueSpan);
            BigInteger? last = Optional(match.Groups["last"]);
            BigInteger? complete = Optional(match.Groups["complete"]);
            if ((last is null || first <= last) && (complete is null || (last ?? first) < complete))
            {
                return WireInteger.Clamp(first);
            }
        }

        throw new TransferException(
            TransferError.InvalidRequest,
            $"Invalid Content-Range '{header}', expected bytes FIRST-LAST/SIZE, like bytes 0-4095/*");
    }

    private static BigInteger? Optional(Group group) =>
        group.ValueSpan is "*" ? null : WireInteger.Parse(group.ValueSpan);

    [GeneratedRegex(
        @"^\s*bytes\s+(?<first>[0-9]+)\s*-\s*(?<last>[0-9]+|\*)\s*/\s*(?<complete>[0-9]+|\*)\s*$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
