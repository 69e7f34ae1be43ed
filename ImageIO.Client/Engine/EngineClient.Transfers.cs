using System.Xml.Linq;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Engine;

public sealed partial class EngineClient
{
    /// <summary>Creates a transfer. It does not serve data yet.</summary>
    /// <returns>Its id.</returns>
    public Task<string> CreateTransferAsync(NewTransfer transfer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        return CreateAsync("/imagetransfers", transfer.ToXml(), "transfer", cancellationToken);
    }

    /// <summary>A transfer. Null: Engine no longer has it.</summary>
    public async Task<EngineTransfer?> GetTransferAsync(string id, CancellationToken cancellationToken)
    {
        XElement? transfer = await CallAsync(
            HttpMethod.Get, $"/imagetransfers/{Uri.EscapeDataString(id)}",
            null, "asking for a transfer", cancellationToken).ConfigureAwait(false);
        return transfer is null
            ? null
            : new EngineTransfer(
                id, transfer.Element("phase")?.Value
                    ?? "unknown", transfer.Element("transfer_url")?.Value, transfer.Element("proxy_url")?.Value);
    }

    /// <summary>Waits until a transfer serves data.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.UpstreamFailed"/>: it never does.</exception>
    public async Task<EngineTransfer> WaitForStartAsync(string id, CancellationToken cancellationToken)
    {
        long started = _options.Time.GetTimestamp();
        while (true)
        {
            EngineTransfer? transfer = await GetTransferAsync(id, cancellationToken).ConfigureAwait(false);
            switch (transfer?.Phase)
            {
                case "transferring" when transfer.Url is not null || transfer.ProxyUrl is not null:
                    return transfer;
                case "initializing" or "resuming" or "transferring":
                    break;
                default:
                    throw new TransferException(
                        TransferError.UpstreamFailed,
                        $"Engine: transfer {id} did not begin: "
                            + $"{(transfer is null ? "it has gone" : $"its phase is {transfer.Phase}")}");
            }

            if (_options.Time.GetElapsedTime(started) > _options.StartTimeout)
            {
                throw new TransferException(
                    TransferError.UpstreamFailed,
                    $"Engine: transfer {id} is {transfer!.Phase} after {_options.StartTimeout.TotalSeconds:F0} s, "
                        + $"expected transferring");
            }

            await PollAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Finalizes a transfer whose data is complete and durable, and waits until Engine has finished.</summary>
    public async Task FinalizeAsync(string id, string diskId, CancellationToken cancellationToken)
    {
        await ActAsync(id, "finalize", cancellationToken).ConfigureAwait(false);
        await WaitForEndAsync(id, diskId, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Cancels a transfer. Engine removes the disk of an upload.</summary>
    public async Task CancelAsync(string id, CancellationToken cancellationToken)
    {
        await ActAsync(id, "cancel", cancellationToken).ConfigureAwait(false);
        long started = _options.Time.GetTimestamp();
        while (await GetTransferAsync(id, cancellationToken).ConfigureAwait(false) is { IsOver: false }
            && _options.Time.GetElapsedTime(started) < _options.EndTimeout)
        {
            await PollAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Pauses a transfer.</summary>
    public Task PauseAsync(string id, CancellationToken cancellationToken) => ActAsync(id, "pause", cancellationToken);

    /// <summary>Resumes a paused transfer, and waits until it serves data again.</summary>
    public async Task<EngineTransfer> ResumeAsync(string id, CancellationToken cancellationToken)
    {
        if (await GetTransferAsync(id, cancellationToken).ConfigureAwait(false) is { IsPaused: true })
        {
            await ActAsync(id, "resume", cancellationToken).ConfigureAwait(false);
            long started = _options.Time.GetTimestamp();
            while (await GetTransferAsync(id, cancellationToken).ConfigureAwait(false) is { IsPaused: true }
                && _options.Time.GetElapsedTime(started) < _options.StartTimeout)
            {
                await PollAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        return await WaitForStartAsync(id, cancellationToken).ConfigureAwait(false);
    }

    private Task ActAsync(string id, string action, CancellationToken cancellationToken) => CallAsync(
        HttpMethod.Post, $"/imagetransfers/{Uri.EscapeDataString(id)}/{action}",
        new XElement("action"), $"{action} of a transfer", cancellationToken);

    private async Task WaitForEndAsync(string id, string diskId, CancellationToken cancellationToken)
    {
        long started = _options.Time.GetTimestamp();
        while (true)
        {
            EngineTransfer? transfer = await GetTransferAsync(id, cancellationToken).ConfigureAwait(false);
            if (transfer?.Phase == "finished_success")
            {
                return;
            }

            if (transfer is null && diskId.Length == 0)
            {
                throw new TransferException(
                    TransferError.UpstreamFailed, $"Engine: transfer {id} has gone before it told how it ended");
            }

            if (transfer is null && await GetDiskAsync(diskId, cancellationToken).ConfigureAwait(false) is var disk
                && disk?.Status != "locked")
            {
                // Engines before 4.4.7 forget a finished transfer. The state of the disk tells how it ended.
                if (disk?.Status == "ok")
                {
                    return;
                }

                throw new TransferException(
                    TransferError.UpstreamFailed,
                    $"Engine: transfer {id} failed: the disk {(disk is null ? "has gone" : $"is {disk.Status}")}");
            }

            if (transfer is { IsOver: true } or { IsPaused: true }
                or { Phase: "cancelled_system" or "cancelled_user" or "finalizing_failure" or "finalizing_cleanup" })
            {
                throw new TransferException(
                    TransferError.UpstreamFailed, $"Engine: transfer {id} failed: its phase is {transfer.Phase}");
            }

            if (_options.Time.GetElapsedTime(started) > _options.EndTimeout)
            {
                throw new TransferException(
                    TransferError.UpstreamFailed,
                    $"Engine: transfer {id} has not ended after {_options.EndTimeout.TotalSeconds:F0} s; look at it "
                        + $"in Engine");
            }

            await PollAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
