using Serilog.Events;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>One target of log lines.</summary>
public abstract record LogTarget
{
    /// <summary>Least severe level to write there.</summary>
    public LogEventLevel Level { get; init; } = LogEventLevel.Verbose;

    /// <summary>Whether lines are JSON objects instead of text.</summary>
    public bool IsJson { get; init; }
}
