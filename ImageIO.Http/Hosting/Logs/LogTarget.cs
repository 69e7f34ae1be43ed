using Serilog.Events;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>One place that log lines go to.</summary>
public abstract record LogTarget
{
    /// <summary>Least severe level that is written there.</summary>
    public LogEventLevel Level { get; init; } = LogEventLevel.Verbose;

    /// <summary>One JSON object a line instead of text.</summary>
    public bool IsJson { get; init; }
}
