namespace ImageIO.Bench;

/// <summary>A line of the table.</summary>
/// <param name="Work">The work.</param>
/// <param name="Server">Its contender.</param>
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
    /// Spread of the CPU times: half of the distance between the quartiles, relative to the median. 0.05 is 5%.
    /// </summary>
    public double? CpuNoise { get; init; }

    /// <summary>Spread of the wall times.</summary>
    public double? WallNoise { get; init; }

    /// <summary>Other figures, by name and unit, for <c>bench/compare</c>.</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new Dictionary<string, double>();

    /// <summary>The ratios to reach.</summary>
    public string Target { get; init; } = "";

    /// <summary>Other results, or why there is none.</summary>
    public string Note { get; init; } = "";
}
