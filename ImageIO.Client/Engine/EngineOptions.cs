namespace ImageIO.Client.Engine;

/// <summary>How to reach an oVirt Engine.</summary>
public sealed record EngineOptions
{
    /// <summary>Its URL, without a path or with <c>/ovirt-engine/api</c>.</summary>
    public required string Url { get; init; }

    /// <summary>User with the domain, like <c>admin@internal</c>.</summary>
    public required string Username { get; init; }

    /// <summary>The user's password.</summary>
    public required string Password { get; init; }

    /// <summary>PEM file with the trusted authorities for Engine and daemon. Null: the system's.</summary>
    public string? CaFile { get; init; }

    /// <summary>Whether any certificate is accepted.</summary>
    public bool IsInsecure { get; init; }

    /// <summary>Most time until a new disk is usable.</summary>
    public TimeSpan DiskTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Most time until a transfer starts.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Most time until a transfer has ended.</summary>
    public TimeSpan EndTimeout { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Time between two polls.</summary>
    internal TimeSpan PollPeriod { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>File with this host's hardware id, on a host that Engine manages.</summary>
    internal string HardwareIdFile { get; init; } = "/etc/vdsm/vdsm.id";

    /// <inheritdoc />
    public override string ToString() => $"{Username} at {Url}";
}
