using Serilog.Events;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Log levels by Python's names, which existing files use.</summary>
public static class LogLevels
{
    /// <summary>All names, most verbose first.</summary>
    public static readonly string[] Names = ["NOTSET",
        "DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL"];

    /// <summary>Parses a level's name.</summary>
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
