using System.Net;
using ImageIO.Configuration.Python;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>
/// Maps the handler classes of Python's <c>logging</c> that configuration files use to log targets. The only place that
/// knows these classes.
/// </summary>
public static class PythonHandlers
{
    private static readonly string[] FileParameters = ["filename", "mode", "encoding", "delay", "errors"];

    private static readonly Dictionary<string, string[]> Classes = new(StringComparer.Ordinal)
    {
        ["FileHandler"] = FileParameters,
        ["WatchedFileHandler"] = FileParameters,
        ["RotatingFileHandler"] = ["filename", "mode", "maxBytes", "backupCount", "encoding", "delay", "errors"],
        ["TimedRotatingFileHandler"] =
            ["filename", "when", "interval", "backupCount", "encoding", "delay", "utc", "atTime", "errors"],
        ["StreamHandler"] = ["stream"],
        ["SysLogHandler"] = ["address", "facility", "socktype", "timeout"],
    };

    private static readonly string[] Facilities =
    [
        "kern",
        "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "security",
        "console", "solaris-cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ];

    /// <summary>The supported classes.</summary>
    public static IEnumerable<string> Known => Classes.Keys;

    /// <summary>The class of a name in a file, with or without <c>logging.</c> and <c>handlers.</c>. Null: not
    /// supported.</summary>
    public static string? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string last = name.Trim().Split('.')[^1];
        return Classes.ContainsKey(last) ? last : null;
    }

    /// <summary>Creates the target that replaces a handler.</summary>
    /// <param name="name">Its class, as <see cref="Find"/> returns it.</param>
    /// <param name="args">Value of its option <c>args</c>.</param>
    /// <param name="kwargs">Value of its option <c>kwargs</c>.</param>
    /// <exception cref="FormatException">The class cannot be called with these; the message says why.</exception>
    public static LogTarget Create(
        string name, IReadOnlyList<object?> args, IReadOnlyDictionary<string, object?> kwargs)
    {
        var call = new PythonArguments(name, Classes[name], args, kwargs);
        return name switch
        {
            "StreamHandler" => new LogStreamTarget { IsStandardOutput = IsStandardOutput(call["stream"]) },
            "SysLogHandler" => Syslog(call),
            _ => new LogFileTarget(Path(call))
            {
                Truncates = call.Text("mode", "a").StartsWith('w') && RotationOf(name, call) is null,
                IsWatched = name == "WatchedFileHandler",
                Rotation = RotationOf(name, call),
            },
        };
    }

    private static string Path(PythonArguments call) => call.Has("filename")
        ? call.Text("filename")
        : throw new FormatException("the path of the file is missing, like (\"/var/log/ovirt-imageio/daemon.log\",)");

    private static LogRotation? RotationOf(string name, PythonArguments call)
    {
        int backupCount = (int)Math.Clamp(call.Integer("backupCount", 0), 0, 10_000);
        if (name == "RotatingFileHandler")
        {
            long maxBytes = call.Integer("maxBytes", 0);
            return maxBytes > 0 ? new SizeRotation(maxBytes) { BackupCount = backupCount } : null;
        }

        if (name != "TimedRotatingFileHandler")
        {
            return null;
        }

        string when = call.Text("when", "h").ToUpperInvariant();
        return TimedRotation.Words.Contains(when)
            ? new TimedRotation(when, (int)Math.Clamp(call.Integer(
                "interval", 1), 1, 100_000), call.Boolean("utc"))
            { BackupCount = backupCount }
            : throw new FormatException($"when is one of {string.Join(", ", TimedRotation.Words)}");
    }

    private static bool IsStandardOutput(object? stream) => stream switch
    {
        null or PythonName { Text: "sys.stderr" } => false,
        PythonName { Text: "sys.stdout" } => true,
        _ => throw new FormatException("stream of StreamHandler is sys.stderr or sys.stdout"),
    };

    private static LogSyslogTarget Syslog(PythonArguments call)
    {
        (string? socket, DnsEndPoint? host) = call["address"] switch
        {
            null => (null, new DnsEndPoint("localhost", 514)),
            string path => (path, (DnsEndPoint?)null),
            object?[] and [string name, long port and >= 0 and <= 65535] => (null, new DnsEndPoint(name, (int)port)),
            _ => throw new FormatException("address of SysLogHandler is a path like '/dev/log', or ('host', 514)"),
        };
        return new LogSyslogTarget
        {
            Socket = socket,
            Host = host,
            IsStream = call["socktype"] is long and 1 or PythonName { Text: "socket.SOCK_STREAM" },
            Facility = FacilityOf(call["facility"]),
        };
    }

    // A number, a name, or a constant of the class.
    private static int FacilityOf(object? facility)
    {
        if (facility is null)
        {
            return 1;
        }

        string word = facility switch
        {
            PythonName name => name.Text.Split('.')[^1].Replace("LOG_", "", StringComparison.Ordinal),
            string text => text,
            _ => "",
        };
        int number = facility is long given ? (int)Math.Clamp(given, -1, int.MaxValue) : Array.FindIndex(
            Facilities, known => known.Equals(word, StringComparison.OrdinalIgnoreCase));
        return number is >= 0 and < 24
            ? number
            : throw new FormatException(
                "facility of SysLogHandler is a number from 0 to 23, or a name like 'daemon' or 'local0'");
    }
}
