using System.Globalization;
using System.Numerics;

namespace ImageIO.Http.Messages;

/// <summary>Integers in headers and bodies. Clients may send any size.</summary>
public static class WireInteger
{
    /// <summary>The value of decimal digits. Headers are limited to 32 KiB, which limits the cost.</summary>
    internal static BigInteger Parse(ReadOnlySpan<char> digits) =>
        BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>
    /// The value as an offset or length, at most 2^63 - 1. No image is that large, so comparisons with it are right.
    /// </summary>
    public static long Clamp(BigInteger value) => value > long.MaxValue ? long.MaxValue : (long)value;
}
