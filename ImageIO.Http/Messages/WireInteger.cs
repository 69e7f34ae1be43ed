using System.Globalization;

namespace ImageIO.Http.Messages;

/// <summary>Integers in headers, which clients may write of any size.</summary>
internal static class WireInteger
{
    /// <summary>
    /// The value of some digits. Beyond 2^63 - 1 it is that: no image is so large, so comparing with one comes out right.
    /// </summary>
    public static long Parse(ReadOnlySpan<char> digits) =>
        long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : long.MaxValue;
}
