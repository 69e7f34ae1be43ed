using System.Xml.Linq;

namespace ImageIO.Client.Engine;

/// <summary>A transfer that is to be begun.</summary>
public sealed record NewTransfer
{
    /// <summary>Whether data goes to the disk.</summary>
    public required bool IsUpload { get; init; }

    /// <summary>The disk.</summary>
    public required string DiskId { get; init; }

    /// <summary>A snapshot of the disk, in place of the disk. Null: the disk.</summary>
    public string? SnapshotId { get; init; }

    /// <summary>A backup that the download belongs to. Null: none.</summary>
    public string? BackupId { get; init; }

    /// <summary>The host that shall transfer. Null: Engine chooses one.</summary>
    public string? HostId { get; init; }

    /// <summary>Whether only the topmost layer is transferred.</summary>
    public bool IsShallow { get; init; }

    /// <summary>Time without a request after which Engine ends the transfer. Null: Engine's own, 60 s.</summary>
    public TimeSpan? InactivityTimeout { get; init; }

    /// <summary>Whether Engine pauses a transfer whose time is over, so that it can go on. False: it cancels it.</summary>
    public bool PausesWhenIdle { get; init; }

    internal XElement ToXml()
    {
        // Always raw: a daemon serves the guest's data.
        var transfer = new XElement(
            "image_transfer", new XElement("direction", IsUpload ? "upload" : "download"), new XElement("format", "raw"));
        if (InactivityTimeout is { } timeout)
        {
            transfer.Add(new XElement("inactivity_timeout", (long)timeout.TotalSeconds));
        }

        if (IsShallow)
        {
            transfer.Add(new XElement("shallow", "true"));
        }

        transfer.Add(new XElement("timeout_policy", PausesWhenIdle ? "pause" : "cancel"));
        if (BackupId is not null)
        {
            transfer.Add(new XElement("backup", new XAttribute("id", BackupId)));
        }

        transfer.Add(SnapshotId is null
            ? new XElement("disk", new XAttribute("id", DiskId))
            : new XElement("snapshot", new XAttribute("id", SnapshotId)));
        if (HostId is not null)
        {
            transfer.Add(new XElement("host", new XAttribute("id", HostId)));
        }

        return transfer;
    }
}
