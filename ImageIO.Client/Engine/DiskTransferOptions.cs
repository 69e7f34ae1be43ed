namespace ImageIO.Client.Engine;

/// <summary>How a disk is moved with an Engine.</summary>
public sealed record DiskTransferOptions
{
    /// <summary>How the image is copied.</summary>
    public CopyOptions Copy { get; init; } = new();

    /// <summary>A snapshot in place of the disk. Null: the disk.</summary>
    public string? SnapshotId { get; init; }

    /// <summary>A running backup that the disk is downloaded from. Null: none.</summary>
    public string? BackupId { get; init; }

    /// <summary>The host that shall transfer. Null: this one, if it is Engine's, else any.</summary>
    public string? HostId { get; init; }

    /// <summary>Whether only the topmost layer is transferred.</summary>
    public bool IsShallow { get; init; }

    /// <summary>Whether the proxy is used although the host may be in reach.</summary>
    public bool UsesProxy { get; init; }

    /// <summary>
    /// Time that the client may be away before Engine lets the transfer rest. Null: Engine's 60 s, after which it cancels
    /// the transfer and removes the disk of an upload.
    /// </summary>
    public TimeSpan? InactivityTimeout { get; init; }

    /// <summary>Called at the beginning of each step. Null: nobody is told.</summary>
    public Action<DiskStep>? Step { get; init; }

    internal void Begin(DiskStep step) => Step?.Invoke(step);
}
