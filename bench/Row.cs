namespace ImageIO.Bench;

/// <summary>A line of the table.</summary>
/// <param name="Work">What was done.</param>
/// <param name="Server">Who did it.</param>
internal sealed record Row(string Work, string Server)
{
    /// <summary>Median of the server's CPU seconds for a GiB.</summary>
    public double? CpuPerGiB { get; init; }

    /// <summary>Median of the GiB per second.</summary>
    public double? GiBPerSecond { get; init; }

    /// <summary>Median of our CPU time by the peer's, round by round.</summary>
    public double? CpuRatio { get; init; }

    /// <summary>Median of our wall time by the peer's, round by round.</summary>
    public double? WallRatio { get; init; }

    /// <summary>What the ratios should be.</summary>
    public string Target { get; init; } = "";

    /// <summary>What else was measured, or why nothing was.</summary>
    public string Note { get; init; } = "";
}
