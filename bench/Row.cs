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

    /// <summary>
    /// How far the runs' CPU times lie apart: half of the distance between the quartiles, by the median. 0.05 is 5%.
    /// </summary>
    public double? CpuNoise { get; init; }

    /// <summary>The same of the wall times.</summary>
    public double? WallNoise { get; init; }

    /// <summary>Figures of other kinds, by name and unit, for <c>bench/compare</c>.</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new Dictionary<string, double>();

    /// <summary>What the ratios should be.</summary>
    public string Target { get; init; } = "";

    /// <summary>What else was measured, or why nothing was.</summary>
    public string Note { get; init; } = "";
}
