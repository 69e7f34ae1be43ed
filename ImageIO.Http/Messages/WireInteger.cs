using System.Globalization;
using System.Numerics;

namespace ImageIO.Http.Messages;

/// <summary>Integers in headers and bodies, which clients may write of any size.</summary>
public static class WireInteger
{
    /// <summary>The value of some digits. Headers are limited to 32 KiB, which keeps this cheap.</summary>
    internal static BigInteger Parse(ReadOnlySpan<char> digits) =>
        BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>
    /// The value as an offset or length. Beyond 2^63 - 1 it is that: no image is so large, so comparing with one comes out right.
    /// </summary>
    public static long Clamp(BigInteger value) => value > long.MaxValue ? long.MaxValue : (long)value;
}
