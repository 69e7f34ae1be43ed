using System.Globalization;

namespace ImageIO.CommandLine.Output;

/// <summary>Durations for people: <c>90s</c>, <c>30m</c>, <c>2h</c>, <c>1d</c>.</summary>
internal static class Duration
{
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        int seconds = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        string digits = seconds > 0 ? text[..^1] : text;
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number == 0)
        {
            return false;
        }

        duration = TimeSpan.FromSeconds((long)number * Math.Max(1, seconds));
        return true;
    }

    /// <summary>Rounded, like <c>12 s</c>, <c>3 min</c> or <c>2 h 05 min</c>.</summary>
    public static string Format(TimeSpan duration) =>
        duration < TimeSpan.FromMinutes(2) ? $"{Math.Ceiling(duration.TotalSeconds):F0} s"
        : duration < TimeSpan.FromHours(1) ? $"{Math.Ceiling(duration.TotalMinutes):F0} min"
        : string.Create(CultureInfo.InvariantCulture, $"{(long)duration.TotalHours} h {duration.Minutes:D2} min");
}
