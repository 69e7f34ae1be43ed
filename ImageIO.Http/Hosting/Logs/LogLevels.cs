using Serilog.Events;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>The levels as configuration files name them: Python's, because existing files have them.</summary>
public static class LogLevels
{
    /// <summary>All names, most talkative first.</summary>
    public static readonly string[] Names = ["NOTSET", "DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL"];

    /// <summary>The level of a name.</summary>
    public static LogEventLevel Parse(string name) => name switch
    {
        "NOTSET" => LogEventLevel.Verbose,
        "DEBUG" => LogEventLevel.Debug,
        "INFO" => LogEventLevel.Information,
        "WARNING" or "WARN" => LogEventLevel.Warning,
        "ERROR" => LogEventLevel.Error,
        _ => LogEventLevel.Fatal,
    };
}
