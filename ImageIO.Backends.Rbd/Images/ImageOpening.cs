using System.Globalization;
using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Backends.Rbd.Urls;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Backends.Rbd.Images;

/// <summary>Opens an image on a connection: looks its pool up, opens it, and asks what is to be known of it.</summary>
internal sealed partial class ImageOpening(
    ClusterConnection connection, RbdUrl url, ImageAccess access, RbdSettings settings, ILogger logger)
{
    // An owner of the lock that died is waited for until its lease is over.
    private static readonly TimeSpan LockLease = TimeSpan.FromSeconds(30);

    /// <summary>Opens it. The use of the connection passes to the image, or ends with the failure.</summary>
    /// <exception cref="RbdException">A call failed.</exception>
    /// <exception cref="TransferException">Why it cannot be opened.</exception>
    public async Task<OpenImage> OpenAsync()
    {
        IoContextHandle pool;
        try
        {
            pool = await FindPoolAsync();
        }
        catch
        {
            connection.EndUse();
            throw;
        }

        var place = new ImagePlace(
            connection, pool, Longest, settings.Time);
        RbdImageHandle? image = null;
        try
        {
            bool isWatched;
            (image, isWatched) = await OpenHandleAsync(place);
            return await DescribeAsync(place, image, isWatched);
        }
        catch (Exception e)
        {
            image?.Dispose();
            string? reason;
            try
            {
                reason = e is RbdException { Result: -Errno.ENOENT } ? await WhatIsMissingAsync(place) : null;
            }
            finally
            {
                place.Dispose();
            }

            if (e is TimeoutException)
            {
                throw new TransferException(
                    TransferError.StorageFailed,
                    $"{url} cannot be opened: it took longer than {Longest.TotalSeconds} s", e);
            }

            if (reason is not null)
            {
                throw new TransferException(TransferError.ImageUnavailable, $"{url} cannot be opened: {reason}", e);
            }

            throw;
        }
    }

    private TimeSpan Longest => (settings.OperationTimeout * 2) + LockLease;

    private async Task<IoContextHandle> FindPoolAsync()
    {
        try
        {
            return await InTimeAsync(
                "rbd-pool", () => IoContextHandle.Create(connection.Cluster, url.Pool, url.Namespace));
        }
        catch (RbdException e) when (-e.Result == Errno.ENOENT)
        {
            throw new TransferException(
                TransferError.ImageUnavailable, $"{url} cannot be opened: there is no pool '{url.Pool}'", e);
        }
    }

    // A call that a dead monitor holds up without a limit. Then the connection is given up. It has to outlive the call
    // and what it found, whenever that comes.
    private async Task<T> InTimeAsync<T>(string name, Func<T> call)
    {
        Task<T> calling = BlockingCall.RunAsync(name, call);
        connection.UseAgain();
        try
        {
            T result = await calling.WaitAsync(settings.ConnectTimeout, settings.Time);
            connection.EndUse();
            return result;
        }
        catch (TimeoutException e)
        {
            connection.GiveUp();
            _ = EndLateAsync(calling);
            throw new TransferException(
                TransferError.StorageFailed,
                $"{url} cannot be opened: the monitors did not tell its pool within "
                    + $"{settings.ConnectTimeout.TotalSeconds} s",
                e);
        }
        catch
        {
            connection.EndUse();
            throw;
        }
    }

    private async Task EndLateAsync<T>(Task<T> calling)
    {
        await ((Task)calling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (calling.IsCompletedSuccessfully)
        {
            (await calling as IDisposable)?.Dispose();
        }

        connection.EndUse();
    }

    // Also for reading with a watch, which capabilities for reading alone do not permit.
    private async Task<(RbdImageHandle Image, bool IsWatched)> OpenHandleAsync(ImagePlace place)
    {
        try
        {
            return (await place.OpenAsync(OpenMode.Watched, url.Image, url.Snapshot), true);
        }
        catch (RbdException e) when (!access.Write && -e.Result is Errno.EPERM or Errno.EROFS)
        {
            return (await place.OpenAsync(OpenMode.ReadOnly, url.Image, url.Snapshot), false);
        }
    }

    private async Task<OpenImage> DescribeAsync(ImagePlace place, RbdImageHandle image, bool isWatched)
    {
        ImageFacts facts = await BlockingCall.RunAsync("rbd-facts", () => ImageFacts.Ask(image, url, access.Write))
            .WaitAsync(Longest, settings.Time);
        if (facts.HasPersistentCache && access.Write)
        {
            throw new TransferException(
                TransferError.ImageUnavailable,
                $"{url} cannot be opened for writing: rbd_persistent_cache_mode of the pool or the image keeps writes "
                    + $"on this host");
        }

        WarnOf(facts);
        string snapshot = facts.SnapshotId is { } id ? string.Create(CultureInfo.InvariantCulture, $"@{id}") : "";
        return new OpenImage
        {
            Handle = image,
            Place = place,
            Description = url.ToString(),
            Identity = string.Create(
                CultureInfo.InvariantCulture,
                $"{connection.Fsid}/{LibRados.GetPoolId(place.Pool)}/{url.Namespace}/{facts.Id}{snapshot}"),
            Layout = facts.Layout,
            HasFastDiff = facts.HasFastDiff,
            HasCache = facts.HasCache,
            FromSnapshot = facts.FromSnapshotId is null ? null : url.FromSnapshot,
            WhenReading = Check(place, facts, isWatched, compares: false),
            WhenComparing = Check(place, facts, isWatched, compares: true),
        };
    }

    // The image itself cannot be removed while it is watched; snapshots can.
    private PresenceCheck? Check(ImagePlace place, ImageFacts facts, bool isWatched, bool compares)
    {
        var snapshots = new List<(string Name, ulong Id)>();
        if (url.Snapshot is not null && facts.SnapshotId is { } read)
        {
            snapshots.Add((url.Snapshot, read));
        }

        if (compares && url.FromSnapshot is not null && facts.FromSnapshotId is { } from)
        {
            snapshots.Add((url.FromSnapshot, from));
        }

        return isWatched && snapshots.Count == 0 ? null : new PresenceCheck(place, facts.Id, url.ToString(), snapshots);
    }

    private void WarnOf(ImageFacts facts)
    {
        if (facts.HasCache)
        {
            Log.Cache(logger, url);
        }

        if (facts.LockOwners.Length > 0)
        {
            Log.Owners(logger, url, facts.LockOwners);
        }

        if (url.FromSnapshot is not null && facts.FromSnapshotId is null)
        {
            Log.NoBase(logger, url, url.FromSnapshot);
        }
    }

    private async Task<string> WhatIsMissingAsync(ImagePlace place)
    {
        if (url.Namespace.Length > 0)
        {
            bool isMissing = await InTimeAsync(
                "rbd-namespace",
                () =>
                {
                    using IoContextHandle pool = IoContextHandle.Create(connection.Cluster, url.Pool, "");
                    return LibRbd.NamespaceExists(pool, url.Namespace, out byte exists) == 0 && exists == 0;
                });
            if (isMissing)
            {
                return $"the pool '{url.Pool}' has no namespace '{url.Namespace}'";
            }
        }

        if (url.Snapshot is not null)
        {
            try
            {
                using RbdImageHandle image = await place.OpenAsync(OpenMode.ReadOnly, url.Image, null);
                return $"the image has no snapshot '{url.Snapshot}'";
            }
            catch (RbdException)
            {
            }
        }

        return "there is no such image";
    }

    private static partial class Log
    {
        [LoggerMessage(91, LogLevel.Warning, "{Image}: rbd_cache of its pool or itself is on; other clients see writes "
            + "after a flush only")]
        public static partial void Cache(ILogger logger, RbdUrl image);

        [LoggerMessage(92, LogLevel.Information, "{Image} is opened for writing while its lock is held by {Owners}")]
        public static partial void Owners(ILogger logger, RbdUrl image, string owners);

        [LoggerMessage(93, LogLevel.Warning, "{Image} has no older snapshot {Snapshot}, so there are no dirty extents")]
        public static partial void NoBase(ILogger logger, RbdUrl image, string snapshot);
    }
}
