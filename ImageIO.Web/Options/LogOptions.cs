using ImageIO.Configuration.Python;
using ImageIO.Http.Hosting.Logs;

namespace ImageIO.Web.Options;

/// <summary>
/// Sections <c>[logger_root]</c>, <c>[handler_logfile]</c> and <c>[handler_stderr]</c>, in the form of Python's
/// <c>logging.config</c>, and those of its sections that have no effect here.
/// </summary>
public static class LogOptions
{
    private const string Root = "logger_root";
    private const string LogFile = "logfile";
    private const string StandardError = "stderr";
    private const string DefaultPath = "/var/log/ovirt-imageio/daemon.log";
    private const string DefaultArgs = $"(\"{DefaultPath}\",)";
    private const string DefaultKwargs = """{"maxBytes": 20971520, "backupCount": 10}""";
    private const string DefaultFormat = "%(asctime)s %(levelname)-7s (%(threadName)s) [%(name)s] %(message)s";
    private const string Fixed = "the form of log lines is fixed; [logger_root] format = text or json chooses one";

    internal static LogSettings Read(ConfigurationReader reader)
    {
        reader.Text("loggers", "keys", "root");
        reader.Text("handlers", "keys", LogFile);
        reader.Text("formatters", "keys", "long");
        string level = reader.Choice(Root, "level", "INFO", LogLevels.Names);
        string[] handlers = Handlers(reader);
        reader.ClampedInteger(Root, "propagate", 0, 0, 1);
        bool json = reader.Choice(Root, "format", "text", "text", "json") == "json";
        LogTarget file = ReadHandler(
            reader, LogFile, "logging.handlers.RotatingFileHandler", DefaultArgs, DefaultKwargs);
        LogTarget stream = ReadHandler(reader, StandardError, "logging.StreamHandler", "()", "{}");
        if (reader.Text("formatter_long", "format", DefaultFormat) != DefaultFormat)
        {
            reader.Warn("formatter_long", "format", Fixed);
        }

        foreach (string section in (string[])["loggers", "handlers", "formatters", "formatter_long"])
        {
            reader.Ignore(section);
        }

        return new LogSettings
        {
            Level = LogLevels.Parse(level),
            Targets = [.. handlers.Select(handler => (handler == LogFile ? file : stream) with { IsJson = json })],
        };
    }

    private static string[] Handlers(ConfigurationReader reader)
    {
        string text = reader.Parsed(
            Root, "handlers", LogFile,
            names => Split(names).All(name => name is LogFile or StandardError) ? names : null,
            $"{LogFile}, {StandardError} or both with a comma between");
        string[] handlers = [.. Split(text).Distinct(StringComparer.Ordinal)];
        if (handlers.Length > 0)
        {
            return handlers;
        }

        reader.Warn(Root, "handlers", $"lines go to standard error; set {LogFile} or {StandardError}");
        return [StandardError];
    }

    private static string[] Split(string names) =>
        names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static LogTarget ReadHandler(
        ConfigurationReader reader, string handler, string defaultClass, string defaultArgs, string defaultKwargs)
    {
        string section = $"handler_{handler}";
        string given = reader.Text(section, "class", defaultClass);
        string level = reader.Choice(section, "level", "DEBUG", LogLevels.Names);
        if (reader.Text(section, "formatter", "long") != "long")
        {
            reader.Warn(section, "formatter", Fixed);
        }

        string? known = PythonHandlers.Find(given);
        string chosen = known ?? (handler == LogFile ? "FileHandler" : "StreamHandler");
        if (known is null)
        {
            reader.Warn(
                section, "class", $"{chosen} takes its place; set one of {string.Join(", ", PythonHandlers.Known)}");
        }

        // The defaults fit the default class alone.
        bool isDefault = chosen == PythonHandlers.Find(defaultClass);
        object? args = Literal(reader, section, "args", defaultArgs, isDefault
            || chosen.EndsWith("FileHandler", StringComparison.Ordinal));
        object? kwargs = Literal(reader, section, "kwargs", defaultKwargs, isDefault);
        try
        {
            LogTarget target = known is null
                ? Replaced(chosen, args)
                : PythonHandlers.Create(chosen, Positional(args), Named(kwargs));
            return target with { Level = LogLevels.Parse(level) };
        }
        catch (FormatException e)
        {
            bool isByName = kwargs is not Dictionary<string, object?> named
                || named.Keys.Any(name => e.Message.Contains(name, StringComparison.Ordinal));
            throw reader.Wrong(section, isByName ? "kwargs" : "args", $"what {chosen} can be made with: {e.Message}");
        }
    }

    // Of a class that is not known only the path can be guessed.
    private static LogTarget Replaced(string chosen, object? args) => chosen == "StreamHandler"
        ? new LogStreamTarget()
        : new LogFileTarget(Positional(args).OfType<string>().FirstOrDefault() ?? DefaultPath);

    private static object? Literal(
        ConfigurationReader reader, string section, string option, string ifMissing, bool fits)
    {
        string text = reader.Text(section, option, ifMissing);
        try
        {
            return fits || reader.IsGiven(section, option) ? PythonLiteral.Parse(text) : null;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw reader.Wrong(section, option, $"Python like {DefaultArgs} or {DefaultKwargs}: {e.Message}");
        }
    }

    private static object?[] Positional(object? args) => args switch
    {
        null => [],
        object?[] several => several,
        // ("/path") is no tuple for Python; what is meant is clear.
        string one => [one],
        _ => throw new FormatException("args is a tuple"),
    };

    private static Dictionary<string, object?> Named(object? kwargs) => kwargs switch
    {
        null => [],
        Dictionary<string, object?> several => several,
        _ => throw new FormatException("kwargs is a dictionary"),
    };
}
