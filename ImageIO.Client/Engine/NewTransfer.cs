using System.Xml.Linq;

namespace ImageIO.Client.Engine;

/// <summary>A transfer to create.</summary>
public sealed record NewTransfer
{
    /// <summary>Whether data goes to the disk.</summary>
    public required bool IsUpload { get; init; }

    /// <summary>The disk.</summary>
    public required string DiskId { get; init; }

    /// <summary>A snapshot instead of the disk. Null: the disk.</summary>
    public string? SnapshotId { get; init; }

    /// <summary>The backup of a download. Null: none.</summary>
    public string? BackupId { get; init; }

    /// <summary>The host to transfer with. Null: Engine chooses.</summary>
    public string? HostId { get; init; }

    /// <summary>Whether only the topmost layer is transferred.</summary>
    public bool IsShallow { get; init; }

    /// <summary>Time without a request after which Engine ends the transfer. Null: Engine's 60 s.</summary>
    public TimeSpan? InactivityTimeout { get; init; }

    /// <summary>Whether Engine pauses an idle transfer, so that it can be resumed. False: Engine cancels it.</summary>
    public bool PausesWhenIdle { get; init; }

    internal XElement ToXml()
    {
        // Always raw, because a daemon serves the guest's data.
        var transfer = new XElement(
            "image_transfer",
            new XElement("direction", IsUpload ? "upload" : "download"), new XElement("format", "raw"));
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
