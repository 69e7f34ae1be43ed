namespace ImageIO.Http.Forwarding;

/// <summary>The limits of a ticket for another daemon's image, which narrow that daemon's answer to OPTIONS.</summary>
public sealed record OptionsLimits
{
    /// <summary>Whether the client may write.</summary>
    public required bool CanWrite { get; init; }

    /// <summary>Bytes that the client may reach.</summary>
    public required long Size { get; init; }

    /// <summary>Seconds until the ticket expires.</summary>
    public required long ExpiresInSeconds { get; init; }

    /// <summary>The permitted operations.</summary>
    public required IReadOnlyList<string> Ops { get; init; }

    /// <summary>File name offered to a browser. Null: the daemon's.</summary>
    public string? Filename { get; init; }
}
