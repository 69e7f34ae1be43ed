using System.Runtime.CompilerServices;
using ImageIO.Client.Transport;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Formats;

namespace ImageIO.Client.Copying;

/// <summary>
/// Copies whole images between a local image and a server: over several connections, sparse, with retries, and on
/// request resumed and verified. Returns when the copy is durable.
/// </summary>
/// <remarks>
/// Failures are <see cref="TransferException"/>; <see cref="TransferError.DigestMismatch"/> means that the content at
/// both ends differs. If it is cancelled with <see cref="CopyOptions.ResumeFile"/>, it flushes once and saves its state
/// there.
/// </remarks>
public static class Copier
{
    // Saving must end even if the server hangs or the user interrupts again.
    private static readonly TimeSpan SaveLimit = TimeSpan.FromSeconds(30);

    /// <summary>Uploads an image.</summary>
    /// <param name="source">The guest's bytes; only read. Its calls may block.</param>
    /// <param name="target">The server.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <param name="progress">Called often, from several threads. Null: no progress.</param>
    /// <param name="cancellationToken">Interrupts the copy.</param>
    public static async Task UploadAsync(
        IBackend source,
        TransferClient target,
        CopyOptions? options,
        IProgress<TransferProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        options ??= new CopyOptions();
        long sourceSize = source.Size;
        if (sourceSize > target.Capacity)
        {
            throw new TransferException(
                TransferError.RangeNotSatisfiable,
                $"The image has {sourceSize} bytes, but the server takes only {target.Capacity}");
        }

        bool coversRest = !options.KeepsRest && !options.KeepsHoles && target.Size > sourceSize;
        Verification.RequirePossible(options, coversRest || target.Size <= sourceSize);
        options = Verification.WhereResumed(options, target, coversRest || target.Size <= sourceSize);
        long size = coversRest ? target.Size : sourceSize;
        var meter = new CopyMeter(size, progress);
        int workers = Math.Min(options.MaxWorkers, Math.Max(1, target.Features.MaxWriters));
        var run = new CopyRun(target, options, "upload", size, workers, target.Features.RemembersLosses, meter);
        using var access = new UnalignedAccess(source);
        var planner = new SegmentPlanner(
            size, extent => ClassifyUpload(extent, options, sourceSize), mergesGaps: !options.KeepsHoles, run.Done);
        IAsyncEnumerable<Extent> extents = SourceExtentsAsync(
            source, coversRest ? target : null, sourceSize, cancellationToken);
        Uploader[] uploaders = [.. Enumerable.Range(0, workers).Select(number => new Uploader(run, access, number))];
        try
        {
            await TicketKeeper.DuringAsync(
                target, meter,
                token => run.WorkAsync(
                    planner.PlanAsync(extents, token), (number, stop) => uploaders[number].RunAsync(stop), token),
                cancellationToken).ConfigureAwait(false);
        }
        catch (Exception) when (options.ResumeFile is not null)
        {
            await SaveAsync(run, uploaders[0]).ConfigureAwait(false);
            throw;
        }
        finally
        {
            foreach (Uploader uploader in uploaders)
            {
                await uploader.DisposeAsync().ConfigureAwait(false);
            }
        }

        if (source.Size != sourceSize)
        {
            throw new TransferException(
                TransferError.StorageFailed,
                $"The source changed its size from {sourceSize} to {source.Size} bytes while it was read");
        }

        await GrowAsync(target, size, cancellationToken).ConfigureAwait(false);
        await Verification.CompareAsync(target, run, cancellationToken).ConfigureAwait(false);
        run.RemoveState();
    }

    /// <summary>Downloads an image.</summary>
    /// <param name="source">The server.</param>
    /// <param name="target">Receives the guest's bytes. Must have the server's size, or grow. Its calls may
    /// block.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <param name="progress">Called often, from several threads. Null: no progress.</param>
    /// <param name="cancellationToken">Interrupts the copy.</param>
    public static async Task DownloadAsync(
        TransferClient source,
        IBackend target,
        CopyOptions? options,
        IProgress<TransferProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        options ??= new CopyOptions();
        long size = source.Size;
        if (size > target.Size && !target.Capabilities.CanGrow)
        {
            throw new TransferException(
                TransferError.StorageFull, $"The image has {size} bytes, but there is room for only {target.Size}");
        }

        Verification.RequirePossible(options, !options.IsIncremental);
        options = Verification.WhereResumed(options, source, !options.IsIncremental);
        var meter = new CopyMeter(size, progress);
        int workers = Math.Min(options.MaxWorkers, Math.Max(1, source.Features.MaxReaders));
        var run = new CopyRun(source, options, "download", size, workers, coversAll: true, meter);
        using var access = new UnalignedAccess(target);
        var planner = new SegmentPlanner(
            size, extent =>
                ClassifyDownload(extent, options), mergesGaps: !options.KeepsHoles && !options.IsIncremental, run.Done);
        IAsyncEnumerable<Extent> extents = source.ExtentsAsync(
            options.IsIncremental ? ExtentContext.Dirty : ExtentContext.Zero, cancellationToken);
        Downloader[] downloaders = [.. Enumerable.Range(0, workers).Select(
            number => new Downloader(run, access, number))];
        try
        {
            await TicketKeeper.DuringAsync(
                source, meter,
                token => run.WorkAsync(
                    planner.PlanAsync(extents, token), (number, stop) => downloaders[number].RunAsync(stop), token),
                cancellationToken).ConfigureAwait(false);
            await Task.Run(
                () => target.FlushAsync(cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception) when (options.ResumeFile is not null)
        {
            await SaveAsync(run, target).ConfigureAwait(false);
            throw;
        }
        finally
        {
            foreach (Downloader downloader in downloaders)
            {
                await downloader.DisposeAsync().ConfigureAwait(false);
            }
        }

        await Verification.CompareAsync(source, run, cancellationToken).ConfigureAwait(false);
        run.RemoveState();
    }

    private static PartKind ClassifyUpload(Extent extent, CopyOptions options, long sourceSize)
    {
        if (extent.Range.Start >= sourceSize)
        {
            // The server's image behind ours.
            return extent.Flags.HasFlag(ExtentFlags.Zero) ? PartKind.SkippedZero : PartKind.Zero;
        }

        return options.KeepsHoles && extent.Flags.HasFlag(ExtentFlags.Hole) ? PartKind.Left
            : !extent.Flags.HasFlag(ExtentFlags.Zero) ? PartKind.Data
            : options.IsDestinationZero && !options.KeepsHoles ? PartKind.SkippedZero
            : PartKind.Zero;
    }

    private static PartKind ClassifyDownload(Extent extent, CopyOptions options)
    {
        if (options.IsIncremental)
        {
            return !extent.Flags.HasFlag(ExtentFlags.Dirty) ? PartKind.Left
                : extent.Flags.HasFlag(ExtentFlags.Zero) ? PartKind.Zero
                : PartKind.Data;
        }

        return options.KeepsHoles && extent.Flags.HasFlag(ExtentFlags.Hole) ? PartKind.Left
            : !extent.Flags.HasFlag(ExtentFlags.Zero) ? PartKind.Data
            : options.IsDestinationZero ? PartKind.SkippedZero
            : PartKind.Zero;
    }

    private static async IAsyncEnumerable<Extent> SourceExtentsAsync(
        IBackend source,
        TransferClient? target, long sourceSize, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (Extent extent in source.GetExtentsAsync(
            ExtentContext.Zero, cancellationToken).ConfigureAwait(false))
        {
            yield return extent;
        }

        if (target is null)
        {
            yield break;
        }

        await foreach (Extent extent in target.ExtentsAsync(
            ExtentContext.Zero, cancellationToken).ConfigureAwait(false))
        {
            if (extent.Range.End > sourceSize)
            {
                yield return extent with
                {
                    Range = new ByteRange(Math.Max(extent.Range.Start, sourceSize), extent.Range.End),
                };
            }
        }
    }

    // A growing file ends at its last write, so zeroes at the image's end that were skipped must be added.
    private static async Task GrowAsync(TransferClient target, long size, CancellationToken cancellationToken)
    {
        if (target.Size < size && target.Features.CanZero
            && await target.RefreshSizeAsync(cancellationToken).ConfigureAwait(false) is var reached && reached < size)
        {
            await target.ZeroAsync(reached, size - reached, cancellationToken).ConfigureAwait(false);
            await target.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    // Best effort, because the caller needs the reason why the copy ended.
    private static async Task SaveAsync(CopyRun run, Uploader uploader)
    {
        using var limit = new CancellationTokenSource(SaveLimit, run.Client.Options.Time);
        try
        {
            await uploader.SaveAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ExchangeException or OperationCanceledException)
        {
            // Ranges that were durable before still are.
        }

        run.SaveState();
    }

    private static async Task SaveAsync(CopyRun run, IBackend target)
    {
        IReadOnlyList<(int Worker, ByteRange Range)> covered = run.Ledger.BeginFlush(0);
        try
        {
            await Task.Run(() => target.FlushAsync(CancellationToken.None).AsTask()).ConfigureAwait(false);
            run.Ledger.EndFlush(covered);
        }
        catch (TransferException)
        {
            // Ranges that were durable before still are.
        }

        run.SaveState();
    }
}
