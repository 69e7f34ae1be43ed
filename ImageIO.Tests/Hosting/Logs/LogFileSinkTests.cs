using ImageIO.Http.Hosting.Logs;
using ImageIO.Tests.Support;
using Serilog.Events;
using Serilog.Parsing;

namespace ImageIO.Tests.Hosting.Logs;

/// <summary>Log files: the newest lines are always in the file of the plain name.</summary>
public sealed class LogFileSinkTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 11, 27, 23, 59, 58, TimeSpan.Zero);

    private readonly ImageDirectory _directory = new();

    private string Log => _directory.File("daemon.log");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Full_file_is_renamed_to_1_and_older_ones_move_up_until_the_last_is_lost()
    {
        Write(new LogFileTarget(Log) { Rotation = new SizeRotation(100) { BackupCount = 2 } }, "a", "b", "c", "d");

        Assert.Equal(["daemon.log", "daemon.log.1", "daemon.log.2"], Names());
        Assert.EndsWith("d\n", File.ReadAllText(Log), StringComparison.Ordinal);
        Assert.EndsWith("c\n", File.ReadAllText(Log + ".1"), StringComparison.Ordinal);
        Assert.EndsWith("b\n", File.ReadAllText(Log + ".2"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(100, 0)]
    public void Without_a_size_or_without_backups_it_grows_like_pythons(long maxBytes, int backupCount)
    {
        Write(
            new LogFileTarget(Log) { Rotation = new SizeRotation(maxBytes) { BackupCount = backupCount } },
            "a", "b", "c");

        Assert.Equal(["daemon.log"], Names());
        Assert.Equal(3, File.ReadAllLines(Log).Length);
    }

    [Fact]
    public void Next_process_appends_unless_the_mode_is_w()
    {
        Write(new LogFileTarget(Log), "a");
        Write(new LogFileTarget(Log), "b");
        Assert.Equal(2, File.ReadAllLines(Log).Length);

        Write(new LogFileTarget(Log) { Truncates = true }, "c", "d");
        Assert.Equal(2, File.ReadAllLines(Log).Length);
    }

    [Fact]
    public void Watched_file_that_logrotate_renamed_is_begun_anew()
    {
        using var sink = new LogFileSink(new LogFileTarget(Log) { IsWatched = true }, new LogLineFormatter());
        sink.Open();
        sink.Emit(Event("a", Start));
        File.Move(Log, Log + "-20261127");
        sink.Emit(Event("b", Start));

        Assert.Single(File.ReadAllLines(Log), line => line.EndsWith('b'));
        Assert.Single(File.ReadAllLines(Log + "-20261127"), line => line.EndsWith('a'));
    }

    [Fact]
    public void What_is_logged_before_the_file_is_opened_comes_first()
    {
        using var sink = new LogFileSink(new LogFileTarget(Log), new LogLineFormatter());
        sink.Emit(Event("early", Start));
        Assert.False(File.Exists(Log));

        sink.Open();
        sink.Emit(Event("late", Start));

        Assert.Equal(["early", "late"], File.ReadAllLines(Log).Select(line => line.Split(' ')[^1]));
    }

    [Fact]
    public void Lines_that_could_not_be_written_are_counted_when_it_goes_on()
    {
        using var sink = new LogFileSink(new LogFileTarget(Log) { IsWatched = true }, new LogLineFormatter());
        sink.Open();
        File.Delete(Log);
        Directory.CreateDirectory(Log);
        sink.Emit(Event("a", Start));
        sink.Emit(Event("b", Start));
        Directory.Delete(Log);
        sink.Emit(Event("c", Start));

        string[] lines = File.ReadAllLines(Log);
        Assert.Equal("(2 lines could not be written here)", lines[0]);
        Assert.EndsWith("c", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void File_that_cannot_be_opened_is_an_error_that_names_it()
    {
        using var sink = new LogFileSink(new LogFileTarget("/no/such/directory/daemon.log"), new LogLineFormatter());

        var refused = Assert.Throws<ConfigurationException>(sink.Open);

        Assert.Contains("/no/such/directory/daemon.log", refused.Message, StringComparison.Ordinal);
        Assert.Contains("No such file or directory", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Line_has_the_references_columns()
    {
        Write(new LogFileTarget(Log), "words");

        Assert.Equal("2026-11-27 23:59:58,000 INFO    (7) [ImageIO.Test] words\n", File.ReadAllText(Log));
    }

    private static LogEvent Event(string text, DateTimeOffset time) => new(
        time, LogEventLevel.Information, null, new MessageTemplateParser().Parse(text),
        [new LogEventProperty("ThreadId", new ScalarValue(7)),
            new LogEventProperty("SourceContext", new ScalarValue("ImageIO.Test"))]);

    private static void Write(LogFileTarget target, params string[] texts)
    {
        using var sink = new LogFileSink(target, new LogLineFormatter());
        sink.Open();
        foreach (string text in texts)
        {
            sink.Emit(Event(text, Start));
        }
    }

    private IEnumerable<string> Names() =>
        Directory.GetFiles(_directory.Path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);
}
