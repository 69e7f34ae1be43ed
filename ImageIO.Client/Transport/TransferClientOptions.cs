namespace ImageIO.Client.Transport;

/// <summary>How to reach a server.</summary>
public sealed record TransferClientOptions
{
    /// <summary>PEM file with the trusted authorities. Null: the system's.</summary>
    public string? CaFile { get; init; }

    /// <summary>Whether to accept any certificate, and plain HTTP to other hosts.</summary>
    public bool IsInsecure { get; init; }

    /// <summary>The transfer's URL at a proxy, used if the first URL cannot be connected to. Null: none.</summary>
    public string? ProxyUrl { get; init; }

    /// <summary>Whether to use the Unix socket of a server on the same host.</summary>
    public bool UsesUnixSocket { get; init; } = true;

    /// <summary>Most time to open a connection, TLS included.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most time without a byte while data moves.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Most time until an answer to zero, flush and checksum, which may take long: a slow disk needs time to flush
    /// gigabytes.
    /// </summary>
    public TimeSpan SlowAnswerTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
