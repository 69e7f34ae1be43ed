using System.Net;
using ImageIO.Configuration.Python;
using ImageIO.Http.Hosting.Logs;

namespace ImageIO.Tests.Hosting.Logs;

/// <summary>The handler classes of Python's logging, and what takes their part.</summary>
public sealed class PythonHandlersTests
{
    public static TheoryData<string, string, string, LogTarget> Calls => new()
    {
        {
            "RotatingFileHandler", "('/p',)", "{'maxBytes': 20971520, 'backupCount': 10}",
            new LogFileTarget("/p") { Rotation = new SizeRotation(20971520) { BackupCount = 10 } }
        },
        {
            "logging.handlers.RotatingFileHandler", "('/p', 'a', 20971520, 10)", "{}",
            new LogFileTarget("/p") { Rotation = new SizeRotation(20971520) { BackupCount = 10 } }
        },
        { "handlers.RotatingFileHandler",
            "('/p', 'w')", "{'encoding': None, 'delay': True}", new LogFileTarget("/p") { Truncates = true } },
        // As in Python: with a size limit nothing is truncated.
        { "RotatingFileHandler", "('/p', 'w', 10)", "{}", new LogFileTarget("/p") { Rotation = new SizeRotation(10) } },
        { "logging.FileHandler", "('/p',)", "{'mode': 'w'}", new LogFileTarget("/p") { Truncates = true } },
        { "logging.handlers.WatchedFileHandler",
            "()", "{'filename': '/p'}", new LogFileTarget("/p") { IsWatched = true } },
        {
            "TimedRotatingFileHandler", "('/p', 'midnight')", "{'backupCount': 7, 'utc': True}",
            new LogFileTarget("/p") { Rotation = new TimedRotation("MIDNIGHT", 1, true) { BackupCount = 7 } }
        },
        { "TimedRotatingFileHandler",
            "('/p',)", "{}", new LogFileTarget("/p") { Rotation = new TimedRotation("H", 1, false) } },
        { "StreamHandler", "()", "{}", new LogStreamTarget() },
        { "StreamHandler", "(sys.stdout,)", "{}", new LogStreamTarget { IsStandardOutput = true } },
        { "StreamHandler", "()", "{'stream': sys.stderr}", new LogStreamTarget() },
        { "logging.handlers.SysLogHandler",
            "('/dev/log',)", "{'facility': 'local0'}", new LogSyslogTarget { Socket = "/dev/log", Facility = 16 } },
        {
            "SysLogHandler", "(('logs.example.com', 514), handlers.SysLogHandler.LOG_DAEMON)", "{}",
            new LogSyslogTarget { Host = new DnsEndPoint("logs.example.com", 514), Facility = 3 }
        },
        { "SysLogHandler", "()",
            "{'socktype': 1}", new LogSyslogTarget { Host = new DnsEndPoint("localhost", 514), IsStream = true } },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public void Handler_becomes_the_target_that_does_the_same(
        string name, string args, string kwargs, LogTarget target) =>
        Assert.Equal(target, Create(name, args, kwargs));

    [Theory]
    [InlineData("RotatingFileHandler", "()", "{}", "the path of the file is missing")]
    [InlineData("RotatingFileHandler", "(1,)", "{}", "filename of RotatingFileHandler must be a string")]
    [InlineData(
        "RotatingFileHandler", "('/p',)", "{'maxBytes': '20M'}", "maxBytes of RotatingFileHandler must be an integer")]
    [InlineData(
        "FileHandler", "('/p',)", "{'maxBytes': 1}", "FileHandler has no argument maxBytes; it has filename, mode")]
    [InlineData("FileHandler", "('/p',)", "{'filename': '/q'}", "gets its argument filename twice")]
    [InlineData("FileHandler", "(1, 2, 3, 4, 5, 6)", "{}", "takes 5 arguments")]
    [InlineData("TimedRotatingFileHandler", "('/p', 'noon')", "{}", "when is one of S, M, H")]
    [InlineData("StreamHandler", "('/p',)", "{}", "sys.stderr or sys.stdout")]
    [InlineData("SysLogHandler", "(1,)", "{}", "address of SysLogHandler")]
    [InlineData("SysLogHandler", "('/dev/log', 'local9')", "{}", "facility of SysLogHandler")]
    public void Call_that_fails_in_Python_is_refused_with_what_would_be_right(
        string name, string args, string kwargs, string reason) =>
        Assert.Contains(
            reason, Assert.Throws<FormatException>(() => Create(name, args, kwargs)).Message, StringComparison.Ordinal);

    private static LogTarget Create(string name, string args, string kwargs) => PythonHandlers.Create(
        PythonHandlers.Find(name)!,
        Assert.IsType<object?[]>(PythonLiteral.Parse(args)),
        Assert.IsType<Dictionary<string, object?>>(PythonLiteral.Parse(kwargs)));
}
