using Serilog.Events;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Targets, form and level of the log.</summary>
public sealed record LogSettings
{
    /// <summary>Least severe level to write. A target may have a higher one.</summary>
    public required LogEventLevel Level { get; init; }

    /// <summary>The targets. Each gets all lines.</summary>
    public IReadOnlyList<LogTarget> Targets { get; init; } = [new LogStreamTarget()];
}
