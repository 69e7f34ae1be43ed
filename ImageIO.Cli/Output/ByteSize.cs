using System.Globalization;

namespace ImageIO.CommandLine.Output;

/// <summary>Sizes for people, in powers of 1024.</summary>
internal static class ByteSize
{
    private const string Units = "kmgtp";

    /// <summary>Reads a number of bytes, like <c>4m</c> or <c>10G</c>.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        string digits = text.Trim();
        int unit = digits.Length > 0 ? Units.IndexOf(char.ToLowerInvariant(digits[^1]), StringComparison.Ordinal) : -1;
        digits = unit >= 0 ? digits[..^1] : digits;
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
        {
            return false;
        }

        int shift = 10 * (unit + 1);
        if (number > long.MaxValue >> shift)
        {
            return false;
        }

        bytes = number << shift;
        return true;
    }

    /// <summary>Like <c>512.00 MiB</c>; below 1 KiB, <c>N bytes</c>.</summary>
    public static string Format(double bytes)
    {
        if (bytes < 1024)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{(long)bytes} bytes");
        }

        int unit = -1;
        while (bytes >= 1024 && unit < Units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes:F2} {char.ToUpperInvariant(Units[unit])}iB");
    }
}
