using System.Globalization;
using System.Numerics;

namespace ImageIO.Configuration.Python;

/// <summary>Numbers as Python's <c>int(text)</c> and <c>float(text)</c> parse them.</summary>
public static class PythonNumber
{
    /// <summary>An integer: a sign, decimal digits, single underscores between them. Null: malformed.</summary>
    public static BigInteger? Integer(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Digits(text.Trim()) is { } digits
            && BigInteger.TryParse(
                digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger value)
            ? value
            : null;
    }

    /// <summary>A number with fraction and exponent, or inf, infinity or nan. Null: malformed.</summary>
    public static double? Float(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string trimmed = text.Trim();
        string word = trimmed.TrimStart('+', '-').ToUpperInvariant();
        if (word is "INF" or "INFINITY" or "NAN" && trimmed.Length - word.Length <= 1)
        {
            return word == "NAN" ? double.NaN : trimmed[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        }

        const NumberStyles Style = NumberStyles.AllowLeadingSign
            | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return Digits(trimmed) is { } digits
            && double.TryParse(digits, Style, CultureInfo.InvariantCulture, out double value)
            ? value
            : null;
    }

    // Removes underscores; null if one is not between two digits.
    private static string? Digits(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '_' && (i == 0
                || i == text.Length - 1 || !char.IsAsciiDigit(text[i - 1]) || !char.IsAsciiDigit(text[i + 1])))
            {
                return null;
            }
        }

        return text.Replace("_", "", StringComparison.Ordinal);
    }
}
