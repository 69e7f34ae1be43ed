using ImageIO.Http.Hosting.Logs;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Hosting.Logs;

/// <summary>Logs that are renamed by the clock, with Python's names.</summary>
public sealed class TimedRotationTests : IDisposable
{
    // A Friday.
    private static readonly DateTimeOffset Begun = new(2026, 11, 27, 14, 30, 15, TimeSpan.Zero);

    private readonly ImageDirectory _directory = new();

    private string Log => _directory.File("daemon.log");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("S", 10, "2026-11-27 14:30:25", "2026-11-27_14-30-15")]
    [InlineData("M", 5, "2026-11-27 14:35:15", "2026-11-27_14-30")]
    [InlineData("H", 1, "2026-11-27 15:30:15", "2026-11-27_14")]
    [InlineData("D", 2, "2026-11-29 14:30:15", "2026-11-27")]
    [InlineData("MIDNIGHT", 1, "2026-11-28 00:00:00", "2026-11-27")]
    [InlineData("W4", 1, "2026-11-28 00:00:00", "2026-11-21")]
    [InlineData("W6", 1, "2026-11-30 00:00:00", "2026-11-23")]
    [InlineData("W0", 1, "2026-12-01 00:00:00", "2026-11-24")]
    public void File_is_renamed_when_its_time_is_over(string when, int interval, string due, string suffix)
    {
        var rotation = new TimedRotation(when, interval, IsUtc: true);
        var time = DateTimeOffset.Parse($"{due}Z", System.Globalization.CultureInfo.InvariantCulture);
        File.WriteAllText(Log, "old");

        Assert.False(rotation.IsDue(0, 0, Begun, time.AddSeconds(-1)));
        Assert.True(rotation.IsDue(0, 0, Begun, time));
        rotation.Rename(Log, Begun);

        Assert.Equal([$"daemon.log.{suffix}"], Directory.GetFiles(_directory.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Only_as_many_old_files_are_kept_as_the_configuration_says()
    {
        foreach (string name in (string[])["daemon.log.2026-11-24",
            "daemon.log.2026-11-25", "daemon.log.2026-11-26", "daemon.log.mine", "daemon.log"])
        {
            File.WriteAllText(_directory.File(name), name);
        }

        (new TimedRotation("MIDNIGHT", 1, IsUtc: true) { BackupCount = 2 }).Rename(Log, Begun);

        Assert.Equal(
            ["daemon.log.2026-11-26", "daemon.log.2026-11-27", "daemon.log.mine"],
            Directory.GetFiles(_directory.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }
}
