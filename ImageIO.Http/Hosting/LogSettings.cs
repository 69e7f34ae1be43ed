using Serilog.Events;

namespace ImageIO.Http.Hosting;

/// <summary>Where log lines go, how they look, and which are written.</summary>
public sealed record LogSettings
{
    /// <summary>The levels as configuration files name them, most talkative first.</summary>
    public static readonly string[] LevelNames = ["DEBUG", "INFO", "WARNING", "ERROR"];

    /// <summary>Least severe level that is written.</summary>
    public required LogEventLevel Level { get; init; }

    /// <summary>One JSON object a line instead of text.</summary>
    public bool Json { get; init; }

    /// <summary>The log file. Empty: standard error.</summary>
    public string File { get; init; } = "";

    /// <summary>Bytes after which a new file is begun; 0: never.</summary>
    public long MaxBytes { get; init; }

    /// <summary>Older files that are kept beside the newest.</summary>
    public int BackupCount { get; init; }

    /// <summary>The level of a name.</summary>
    public static LogEventLevel LevelOf(string name) => name switch
    {
        "DEBUG" => LogEventLevel.Debug,
        "INFO" => LogEventLevel.Information,
        "WARNING" => LogEventLevel.Warning,
        _ => LogEventLevel.Error,
    };
}
