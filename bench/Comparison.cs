namespace ImageIO.Bench;

/// <summary>One work, done in turn by us and by a peer.</summary>
internal sealed record Comparison
{
    public required string Work { get; init; }

    /// <summary>Bytes that one run moves.</summary>
    public required long Bytes { get; init; }

    public required Contender Ours { get; init; }

    /// <summary>The peer. Null: there is none.</summary>
    public Contender? Peer { get; init; }

    /// <summary>The ratios to reach, for the table.</summary>
    public string Target { get; init; } = "";

    /// <summary>
    /// Runs of each contender; a first run warms up and is not counted. Null: the scoreboard's number.
    /// </summary>
    public int? Rounds { get; init; }
}
