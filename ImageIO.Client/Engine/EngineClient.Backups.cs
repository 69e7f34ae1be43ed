using System.Xml.Linq;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Engine;

public sealed partial class EngineClient
{
    /// <summary>Starts a backup and waits until its disks can be downloaded.</summary>
    /// <param name="vmId">The virtual machine.</param>
    /// <param name="diskIds">The disks.</param>
    /// <param name="fromCheckpointId">Incremental since this checkpoint. Null: a full backup.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<EngineBackup> StartBackupAsync(
        string vmId, IEnumerable<string> diskIds, string? fromCheckpointId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(diskIds);
        var body = new XElement("backup");
        if (fromCheckpointId is not null)
        {
            body.Add(new XElement("from_checkpoint_id", fromCheckpointId));
        }

        body.Add(new XElement("disks", diskIds.Select(id => new XElement("disk", new XAttribute("id", id)))));
        string path = $"/vms/{Uri.EscapeDataString(vmId)}/backups";
        string id = await CreateAsync(path, body, "backup", cancellationToken).ConfigureAwait(false);
        path = $"{path}/{Uri.EscapeDataString(id)}";
        try
        {
            return await WaitForBackupAsync(path, id, "ready", cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await EndUnusedBackupAsync(path).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The disks of a backup, and whether each is incremental.</summary>
    public async Task<IReadOnlyDictionary<string, bool>> GetBackupDisksAsync(
        string vmId, string backupId, CancellationToken cancellationToken)
    {
        XElement? disks = await CallAsync(
            HttpMethod.Get, $"/vms/{Uri.EscapeDataString(vmId)}/backups/{Uri.EscapeDataString(backupId)}/disks",
            null, "asking for a backup's disks", cancellationToken).ConfigureAwait(false);
        return (disks?.Elements("disk") ?? []).ToDictionary(
            disk => disk.Attribute("id")?.Value ?? "", disk => disk.Element("backup_mode")?.Value == "incremental");
    }

    /// <summary>Ends a backup and waits until Engine has finished it.</summary>
    public async Task<EngineBackup> FinalizeBackupAsync(
        string vmId, string backupId, CancellationToken cancellationToken)
    {
        string path = $"/vms/{Uri.EscapeDataString(vmId)}/backups/{Uri.EscapeDataString(backupId)}";
        await CallAsync(HttpMethod.Post, $"{path}/finalize", new XElement(
            "action"), "finalizing a backup", cancellationToken).ConfigureAwait(false);
        return await WaitForBackupAsync(path, backupId, "succeeded", cancellationToken).ConfigureAwait(false);
    }

    // A backup that nobody knows of would keep the machine's next one from beginning.
    private async Task EndUnusedBackupAsync(string path)
    {
        using var limit = new CancellationTokenSource(CreationGrace, _options.Time);
        try
        {
            await CallAsync(
                HttpMethod.Post, $"{path}/finalize", new XElement("action"), "finalizing a backup", limit.Token)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is TransferException or OperationCanceledException)
        {
            // The caller needs to know of the interruption.
        }
    }

    private async Task<EngineBackup> WaitForBackupAsync(
        string path, string id, string phase, CancellationToken cancellationToken)
    {
        long started = _options.Time.GetTimestamp();
        while (true)
        {
            XElement? answer = await CallAsync(
                HttpMethod.Get, path, null, "asking for a backup", cancellationToken).ConfigureAwait(false);
            string current = answer?.Element("phase")?.Value ?? "gone";
            if (current == phase)
            {
                return new EngineBackup(id, current, answer!.Element("to_checkpoint_id")?.Value);
            }

            if (current is "failed" or "gone" || _options.Time.GetElapsedTime(started) > _options.EndTimeout)
            {
                throw new TransferException(
                    TransferError.UpstreamFailed, $"Engine: backup {id} is {current}, expected {phase}");
            }

            await PollAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
