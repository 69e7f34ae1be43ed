using System.Globalization;
using System.Text.RegularExpressions;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Rotation by time, with the names of Python's handler: <c>daemon.log.2026-11-27</c> has the lines of that
/// day.</summary>
/// <param name="When">S, M, H, D, MIDNIGHT, or W0 (Monday) to W6.</param>
/// <param name="Interval">Number of these units.</param>
/// <param name="IsUtc">Whether days start by UTC instead of local time.</param>
public sealed partial record TimedRotation(string When, int Interval, bool IsUtc) : LogRotation
{
    private const string Daily = "yyyy-MM-dd";

    /// <summary>The values of <see cref="When"/>, in upper case.</summary>
    public static readonly IReadOnlyList<string> Words = ["S",
        "M", "H", "D", "MIDNIGHT", "W0", "W1", "W2", "W3", "W4", "W5", "W6"];

    private TimeSpan Unit => When switch
    {
        "S" => TimeSpan.FromSeconds(1),
        "M" => TimeSpan.FromMinutes(1),
        "H" => TimeSpan.FromHours(1),
        "D" or "MIDNIGHT" => TimeSpan.FromDays(1),
        _ => TimeSpan.FromDays(7),
    };

    private string Suffix => When switch
    {
        "S" => "yyyy-MM-dd_HH-mm-ss",
        "M" => "yyyy-MM-dd_HH-mm",
        "H" => "yyyy-MM-dd_HH",
        _ => Daily,
    };

    internal override bool IsDue(long size, int length, DateTimeOffset begun, DateTimeOffset now) => now >= Next(begun);

    internal override void Rename(string path, DateTimeOffset begun)
    {
        DateTimeOffset since = InZone(Next(begun) - Unit * Interval);
        File.Move(path, $"{path}.{since.ToString(Suffix, CultureInfo.InvariantCulture)}", overwrite: true);
        if (BackupCount == 0)
        {
            return;
        }

        string start = Path.GetFileName(path) + ".";
        IEnumerable<string> old = Directory.GetFiles(Path.GetDirectoryName(Path.GetFullPath(path))!, start + "*")
            .Where(file => Dated().IsMatch(Path.GetFileName(file).AsSpan(start.Length)))
            .OrderDescending(StringComparer.Ordinal)
            .Skip(BackupCount);
        foreach (string file in old)
        {
            File.Delete(file);
        }
    }

    /// <summary>When a file is renamed that was started at some time.</summary>
    internal DateTimeOffset Next(DateTimeOffset begun)
    {
        if (When is not ("MIDNIGHT" or ['W', _]))
        {
            return begun + Unit * Interval;
        }

        DateTime day = InZone(begun).Date.AddDays(1);
        if (When[0] == 'W')
        {
            // Python counts from Monday, .NET from Sunday. The file is renamed when that day has ended.
            int wanted = (When[1] - '0' + 1) % 7;
            day = day.AddDays((wanted - (int)day.AddDays(-1).DayOfWeek + 7) % 7);
        }

        day = day.AddDays((Interval - 1) * Unit.TotalDays);
        return new DateTimeOffset(day, IsUtc ? TimeSpan.Zero : TimeZoneInfo.Local.GetUtcOffset(day));
    }

    private DateTimeOffset InZone(DateTimeOffset time) => IsUtc ? time.ToUniversalTime() : time.ToLocalTime();

    [GeneratedRegex(@"^\d{4}-\d{2}-\d{2}(_\d{2}(-\d{2}){0,2})?(\.\w+)?$")]
    private static partial Regex Dated();
}
