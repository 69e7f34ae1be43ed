namespace ImageIO.Client;

/// <summary>How a server is reached.</summary>
public sealed record TransferClientOptions
{
    /// <summary>PEM file with the authorities that are trusted. Null: the system's.</summary>
    public string? CaFile { get; init; }

    /// <summary>Whether any certificate is accepted, and plain HTTP to other hosts.</summary>
    public bool IsInsecure { get; init; }

    /// <summary>The transfer's URL at a proxy, tried when the first URL cannot be connected to. Null: none.</summary>
    public string? ProxyUrl { get; init; }

    /// <summary>Whether a server on the same host is used through its Unix socket.</summary>
    public bool UsesUnixSocket { get; init; } = true;

    /// <summary>Most time for opening a connection, TLS included.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most time without a byte while data moves.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Most time until an answer to zero, flush and checksum, which may rightly take long: a slow disk flushes gigabytes.
    /// </summary>
    public TimeSpan SlowAnswerTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
