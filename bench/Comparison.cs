namespace ImageIO.Bench;

/// <summary>One work, done by ours and by a peer in turn.</summary>
internal sealed record Comparison
{
    /// <summary>What is done.</summary>
    public required string Work { get; init; }

    /// <summary>Bytes that one run moves.</summary>
    public required long Bytes { get; init; }

    /// <summary>Ours.</summary>
    public required Contender Ours { get; init; }

    /// <summary>The peer. Null: there is none here.</summary>
    public Contender? Peer { get; init; }

    /// <summary>What the ratios should be, for the table.</summary>
    public string Target { get; init; } = "";

    /// <summary>
    /// How often each one runs; the first run of each warms it up and is not counted. Null: as often as the others.
    /// </summary>
    public int? Rounds { get; init; }
}
