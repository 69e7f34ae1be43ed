using ImageIO.Client.Copying;
using ImageIO.Client.Transport;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Engine;

/// <summary>Transfers whole disks with an Engine. Undoes everything after a failure.</summary>
public static class DiskTransfer
{
    // Limits the time to undo, also after an interruption.
    private static readonly TimeSpan UndoLimit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Creates a disk and uploads an image to it; or to a snapshot of a disk that is there (<see
    /// cref="DiskTransferOptions.SnapshotId"/>).
    /// </summary>
    /// <returns>The disk's id; of a snapshot, what <paramref name="disk"/> says.</returns>
    /// <exception cref="TransferException">It failed; the disk was removed, if it could be.</exception>
    public static async Task<string> UploadAsync(
        EngineClient engine,
        ImageFile image,
        NewDisk disk,
        DiskTransferOptions options,
        IProgress<TransferProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(options);
        ResumeState? earlier = ResumeState.Find(options.Copy.ResumeFile);
        // Before the disk: what fails here must leave none behind.
        string? host = options.HostId
            ?? await engine.FindThisHostAsync(disk.StorageDomain, cancellationToken).ConfigureAwait(false);
        bool isNew = options.SnapshotId is null;
        string diskId;
        if (earlier is { TransferId: not null, DiskId: not null })
        {
            diskId = earlier.DiskId;
        }
        else if (!isNew)
        {
            diskId = disk.Id ?? "";
        }
        else
        {
            options.Begin(DiskStep.CreatingDisk);
            diskId = await CreateDiskAsync(engine, disk, cancellationToken).ConfigureAwait(false);
        }

        var transfer = new NewTransfer
        {
            IsUpload = true,
            DiskId = diskId,
            SnapshotId = options.SnapshotId,
            HostId = host,
            IsShallow = options.IsShallow,
            InactivityTimeout = options.InactivityTimeout,
            PausesWhenIdle = options.InactivityTimeout is not null || options.Copy.ResumeFile is not null,
        };
        await RunAsync(
            engine, transfer, earlier?.TransferId, options,
            (client, transferId, token) => Copier.UploadAsync(
                image.Backend,
                client,
                options.Copy with
                {
                    IsDestinationZero = options.Copy.IsDestinationZero || (isNew && disk.IsZero),
                    ResumeIdentity = image.Identity,
                    ResumeTransferId = transferId,
                    ResumeDiskId = diskId,
                },
                progress,
                token),
            cancellationToken).ConfigureAwait(false);
        return diskId;
    }

    /// <summary>Downloads a disk.</summary>
    /// <param name="engine">The Engine.</param>
    /// <param name="diskId">The disk.</param>
    /// <param name="options">How.</param>
    /// <param name="download">Copies from the server that Engine has prepared.</param>
    /// <param name="cancellationToken">Interrupts the copy.</param>
    public static async Task DownloadAsync(
        EngineClient engine,
        string diskId,
        DiskTransferOptions options,
        Func<TransferClient, CancellationToken, Task> download,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(download);
        EngineDisk disk = await engine.GetDiskAsync(diskId, cancellationToken).ConfigureAwait(false)
            ?? throw new TransferException(TransferError.ResourceUnknown, $"Engine has no disk {diskId}");
        string? host = options.HostId;
        if (host is null && disk.StorageDomainId is { } domain
            && await engine.GetStorageDomainNameAsync(domain, cancellationToken).ConfigureAwait(false) is { } name)
        {
            host = await engine.FindThisHostAsync(name, cancellationToken).ConfigureAwait(false);
        }

        var transfer = new NewTransfer
        {
            IsUpload = false,
            DiskId = diskId,
            SnapshotId = options.SnapshotId,
            BackupId = options.BackupId,
            HostId = host,
            IsShallow = options.IsShallow,
            InactivityTimeout = options.InactivityTimeout,
        };
        await RunAsync(
            engine, transfer, earlierId: null, options, (client, _, token) =>
                download(client, token), cancellationToken).ConfigureAwait(false);
    }

    private static async Task<string> CreateDiskAsync(
        EngineClient engine, NewDisk disk, CancellationToken cancellationToken)
    {
        string? created = null;
        try
        {
            return await engine.CreateDiskAsync(disk, id => created = id, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception) when (created is not null)
        {
            // No transfer owns the disk yet, so Engine would not remove it.
            await UndoAsync(engine, token => engine.DeleteDiskAsync(created, token)).ConfigureAwait(false);
            throw;
        }
    }

    private static async Task RunAsync(
        EngineClient engine,
        NewTransfer transfer,
        string? earlierId,
        DiskTransferOptions options,
        Func<TransferClient, string, CancellationToken, Task> copy,
        CancellationToken cancellationToken)
    {
        options.Begin(DiskStep.CreatingTransfer);
        string id = earlierId ?? await CreateTransferAsync(engine, transfer, cancellationToken).ConfigureAwait(false);
        try
        {
            EngineTransfer started = earlierId is null
                ? await engine.WaitForStartAsync(id, cancellationToken).ConfigureAwait(false)
                : await engine.ResumeAsync(id, cancellationToken).ConfigureAwait(false);
            string url = (options.UsesProxy ? started.ProxyUrl ?? started.Url : started.Url ?? started.ProxyUrl)!;
            TransferClient client = await TransferClient.OpenAsync(
                url,
                new TransferClientOptions
                {
                    CaFile = engine.Options.CaFile,
                    IsInsecure = engine.Options.IsInsecure,
                    ProxyUrl = started.ProxyUrl,
                    Time = engine.Options.Time,
                },
                cancellationToken).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                options.Begin(DiskStep.Copying);
                await copy(client, id, cancellationToken).ConfigureAwait(false);
            }

            // Not earlier, because Engine hands out a finalized disk as a good one.
            options.Begin(DiskStep.Finalizing);
            await engine.FinalizeAsync(id, transfer.DiskId, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Engine knows why a daemon refuses. Ask before cancelling changes the phase.
            TransferException? explained = e is TransferException
            {
                Error: TransferError.OperationNotPermitted or TransferError.ResourceUnknown,
            } refused
                ? await ExplainAsync(engine, id, refused).ConfigureAwait(false)
                : null;
            await GiveUpAsync(engine, transfer, id, options, e).ConfigureAwait(false);
            if (explained is not null)
            {
                throw explained;
            }

            throw;
        }
    }

    private static async Task<string> CreateTransferAsync(
        EngineClient engine, NewTransfer transfer, CancellationToken cancellationToken)
    {
        try
        {
            return await engine.CreateTransferAsync(transfer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception) when (transfer.IsUpload && transfer.SnapshotId is null)
        {
            await UndoAsync(engine, token => engine.DeleteDiskAsync(transfer.DiskId, token)).ConfigureAwait(false);
            throw;
        }
    }

    // Pauses an upload that can be resumed, and otherwise cancels it, which removes the disk. A download changes
    // nothing, so it is finalized: cancelling would leave the disk locked in old Engines.
    private static Task GiveUpAsync(
        EngineClient engine, NewTransfer transfer, string id, DiskTransferOptions options, Exception reason)
    {
        options.Begin(DiskStep.Cancelling);
        bool mayGoOn = options.Copy.ResumeFile is not null
            && reason is not TransferException { Error: TransferError.DigestMismatch or TransferError.StorageFull };
        return UndoAsync(engine, token => (transfer.IsUpload, mayGoOn) switch
        {
            (true, true) => engine.PauseAsync(id, token),
            (true, false) => engine.CancelAsync(id, token),
            _ => engine.FinalizeAsync(id, transfer.DiskId, token),
        });
    }

    private static async Task<TransferException> ExplainAsync(EngineClient engine, string id, TransferException reason)
    {
        EngineTransfer? transfer = null;
        await UndoAsync(engine, async token =>
            transfer = await engine.GetTransferAsync(id, token).ConfigureAwait(false)).ConfigureAwait(false);
        return new TransferException(
            reason.Error,
            $"{reason.Message} (Engine: "
                + $"{(transfer is null ? $"transfer {id} has gone" : $"transfer {id} is in phase {transfer.Phase}")})",
            reason);
    }

    private static async Task UndoAsync(EngineClient engine, Func<CancellationToken, Task> undo)
    {
        using var limit = new CancellationTokenSource(UndoLimit, engine.Options.Time);
        try
        {
            await undo(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TransferException or OperationCanceledException)
        {
            // The caller needs the reason for the undo.
        }
    }
}
