using Serilog.Events;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Where log lines go, how they look, and which are written.</summary>
public sealed record LogSettings
{
    /// <summary>Least severe level that is written; a target may want less.</summary>
    public required LogEventLevel Level { get; init; }

    /// <summary>Where lines go; each gets all of them.</summary>
    public IReadOnlyList<LogTarget> Targets { get; init; } = [new LogStreamTarget()];
}
