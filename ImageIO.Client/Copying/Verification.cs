using ImageIO.Client.Transport;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Copying;

/// <summary>Compares both ends of a finished copy by their checksums.</summary>
internal static class Verification
{
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(1);

    /// <summary>Refuses to verify a copy whose whole content nobody hashes.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>.</exception>
    public static void RequirePossible(CopyOptions options, bool knowsAll)
    {
        if (options.Verifies && (options.KeepsHoles || !knowsAll))
        {
            throw new TransferException(
                TransferError.InvalidRequest,
                "A copy of a part of an image cannot be verified: the checksum is of the whole image");
        }
    }

    /// <summary>
    /// Has a resumed copy verified: it builds on the state of an earlier run, perhaps of another day, so it is trusted
    /// only if the checksum agrees.
    /// </summary>
    public static CopyOptions WhereResumed(CopyOptions options, TransferClient client, bool knowsAll) =>
        knowsAll && !options.KeepsHoles && client.Features.HasChecksum
            && ResumeState.Find(options.ResumeFile) is { DurableRanges.Count: > 0 }
            ? options with { Verifies = true }
            : options;

    /// <summary>Compares, where the copy took digests.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.DigestMismatch"/>: the content differs.</exception>
    public static async Task CompareAsync(TransferClient client, CopyRun run, CancellationToken cancellationToken)
    {
        if (run.Digests is null)
        {
            return;
        }

        run.Meter.Report(TransferPhase.Verifying);
        if (!client.Features.HasChecksum)
        {
            throw new TransferException(
                TransferError.NotSupported, $"{client.Dialer.Address} has no checksums to verify with");
        }

        long serverSize = await client.RefreshSizeAsync(cancellationToken).ConfigureAwait(false);
        ImageChecksum theirs = await ChecksumAsync(
            client, run.Options.Retries, cancellationToken).ConfigureAwait(false);
        string ours = run.Digests.Finish(Math.Max(serverSize, run.Size));
        if (serverSize < run.Size || !string.Equals(ours, theirs.Checksum, StringComparison.OrdinalIgnoreCase))
        {
            // The saved state would lead to the same failure.
            run.RemoveState();
            throw new TransferException(
                TransferError.DigestMismatch,
                $"The image at {client.Dialer.Address} is not the local one: checksum {theirs.Checksum} "
                    + $"of {serverSize} bytes there, "
                + $"{ours} of {run.Size} bytes here");
        }
    }

    // A checksum can be requested again without harm.
    private static async Task<ImageChecksum> ChecksumAsync(
        TransferClient client, int retries, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await client.ChecksumAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
            catch (TransferException e) when (attempt <= retries && e.Error == TransferError.UpstreamFailed)
            {
                await Task.Delay(RetryPeriod, client.Options.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
