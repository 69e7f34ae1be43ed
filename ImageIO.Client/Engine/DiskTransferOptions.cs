using ImageIO.Client.Copying;

namespace ImageIO.Client.Engine;

/// <summary>Options of a disk transfer with an Engine.</summary>
public sealed record DiskTransferOptions
{
    /// <summary>Options of the copy.</summary>
    public CopyOptions Copy { get; init; } = new();

    /// <summary>A snapshot instead of the disk. Null: the disk.</summary>
    public string? SnapshotId { get; init; }

    /// <summary>A running backup that the disk is downloaded from. Null: none.</summary>
    public string? BackupId { get; init; }

    /// <summary>The host to transfer with. Null: this host if Engine manages it, else any.</summary>
    public string? HostId { get; init; }

    /// <summary>Whether only the topmost layer is transferred.</summary>
    public bool IsShallow { get; init; }

    /// <summary>Whether to use the proxy even if the host can be reached.</summary>
    public bool UsesProxy { get; init; }

    /// <summary>
    /// How long the client may be away before Engine pauses the transfer. Null: Engine's 60 s, after which it cancels
    /// the transfer and removes the disk of an upload.
    /// </summary>
    public TimeSpan? InactivityTimeout { get; init; }

    /// <summary>Called at the start of each step. Null: not called.</summary>
    public Action<DiskStep>? Step { get; init; }

    internal void Begin(DiskStep step) => Step?.Invoke(step);
}
