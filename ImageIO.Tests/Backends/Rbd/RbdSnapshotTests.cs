using ImageIO.Backends.Rbd;
using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support.Rbd;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>
/// Snapshots of Ceph images: what they read as, what changed since, and that a removed one gives no wrong byte.
/// </summary>
[Collection(CephCluster.Collection)]
[Trait("Needs", "Root")]
[Trait("Cluster", "Ceph")]
public sealed class RbdSnapshotTests(CephCluster ceph)
{
    private const int MiB = 1024 * 1024;

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(FastDiff.Zero)]
    [InlineData(FastDiff.Always)]
    public async Task Backups_by_dirty_extents_equal_the_image_at_each_snapshot(FastDiff fastDiff)
    {
        CephCluster.Require();
        await using RbdBackendFactory factory = ceph.NewFactory(ceph.Settings() with { FastDiff = fastDiff });
        string name = ceph.Images.CreateNew(24 * MiB);
        var random = new Random(22);
        byte[] copy = [];
        await using (IBackend image = await factory.OpenAsync(name, write: true))
        {
            for (int round = 0; round < 6; round++)
            {
                await ChangeAsync(image, random);
                if (round == 3)
                {
                    ceph.Images.Resize(name, 31 * MiB);
                }

                ceph.Images.Snapshot(name, $"s{round}");
                copy = await BackUpAsync(factory, name, round, copy);

                await using IBackend snapshot = await factory.OpenAsync($"{name}@s{round}");
                byte[] expected = await snapshot.ReadAsync();
                Assert.True(expected.AsSpan().SequenceEqual(copy), $"round {round}");
            }
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Bytes_moved_by_an_increment_are_those_that_rbd_diff_tells()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(64 * MiB);
        await using IBackend image = await ceph.Factory.OpenAsync(name, write: true);
        await image.WriteAsync(RbdTestImage.Random(20 * MiB, 1));
        ceph.Images.Snapshot(name, "a");
        await image.WriteAsync(RbdTestImage.Random(70_000, 2), 3 * MiB);
        await image.ZeroAsync(10 * MiB, 100_000);
        ceph.Images.Snapshot(name, "b");

        await using IBackend increment = await ceph.Factory.OpenAsync($"{name}@b:from_snap=a", dirty: true);
        IEnumerable<(long, long)> ours = (await increment.ExtentsAsync(ExtentContext.Dirty))
            .Where(extent => extent.Flags.HasFlag(ExtentFlags.Dirty)).Select(
                extent => (extent.Range.Start, extent.Range.Length));
        string theirs = await ceph.RunAsync("rbd", "diff", "--from-snap", "a", $"rbd/{name}@b");

        Assert.Equal(
            theirs.Split('\n').Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Select(words => (long.Parse(words[0]), long.Parse(words[1]))),
            ours);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_snapshot_removed_while_it_is_read_gives_no_wrong_byte()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(8 * MiB);
        byte[] content = RbdTestImage.Random(8 * MiB, 3);
        await using (IBackend image = await ceph.Factory.OpenAsync(name, write: true))
        {
            await image.WriteAsync(content);
            ceph.Images.Snapshot(name, "gone");
            await image.ZeroAsync(0, 8 * MiB); // what the snapshot has is its own now
        }

        await using IBackend snapshot = await ceph.Factory.OpenAsync($"{name}@gone");
        Task<int>[] readers = [.. Enumerable.Range(0, 8).Select(
            i => ReadUntilItFailsAsync(snapshot, content, i * MiB))];
        await Task.Delay(20);
        await Task.Run(() => ceph.Images.RemoveSnapshot(name, "gone"));
        int[] reads = await Task.WhenAll(readers);
        TransferException after = await RbdTestImage.FailsAsync(() => snapshot.ReadAsync(0, MiB));
        TransferException extents = await RbdTestImage.FailsAsync(() => snapshot.ExtentsAsync(ExtentContext.Zero));

        Assert.All(reads, count => Assert.True(count > 0));
        Assert.Equal((TransferError.StorageFailed, TransferError.StorageFailed), (after.Error, extents.Error));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_base_that_is_missing_or_newer_means_no_dirty_extents()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(MiB);
        ceph.Images.Snapshot(name, "old");
        ceph.Images.Snapshot(name, "new");

        await using IBackend good = await ceph.Factory.OpenAsync($"{name}@new:from_snap=old", dirty: true);
        await using IBackend newer = await ceph.Factory.OpenAsync($"{name}@old:from_snap=new", dirty: true);
        await using IBackend missing = await ceph.Factory.OpenAsync($"{name}:from_snap=none", dirty: true);

        Assert.True(good.Capabilities.HasDirtyExtents);
        Assert.False(newer.Capabilities.HasDirtyExtents);
        Assert.False(missing.Capabilities.HasDirtyExtents);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_snapshot_is_not_opened_for_writing()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(MiB);
        ceph.Images.Snapshot(name, "s");

        TransferException e = await ceph.Factory.RefusesAsync($"rbd:rbd/{name}@s", write: true);

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains("snapshot", e.Message, StringComparison.Ordinal);
    }

    private static async Task ChangeAsync(IBackend image, Random random)
    {
        for (int i = 0; i < 8; i++)
        {
            long offset = random.NextInt64(image.Size);
            int length = (int)Math.Min(image.Size - offset, random.Next(1, 3 * MiB));
            if (i % 3 == 2)
            {
                await image.ZeroAsync(offset, length);
            }
            else
            {
                await image.WriteAsync(RbdTestImage.Random(length, random.Next()), offset);
            }
        }
    }

    private static async Task<byte[]> BackUpAsync(RbdBackendFactory factory, string name, int round, byte[] previous)
    {
        bool isFull = round == 0;
        await using IBackend snapshot = await factory.OpenAsync(
            isFull ? $"{name}@s0" : $"{name}@s{round}:from_snap=s{round - 1}", dirty: !isFull);
        byte[] copy = new byte[snapshot.Size];
        previous.CopyTo(copy, 0);
        foreach (Extent extent in await snapshot.ExtentsAsync(isFull ? ExtentContext.Zero : ExtentContext.Dirty))
        {
            Memory<byte> place = copy.AsMemory((int)extent.Range.Start, (int)extent.Range.Length);
            if (!isFull && !extent.Flags.HasFlag(ExtentFlags.Dirty))
            {
                continue;
            }

            place.Span.Clear();
            if (!extent.Flags.HasFlag(ExtentFlags.Zero))
            {
                await snapshot.ReadAsync(place, extent.Range.Start, CancellationToken.None);
            }
        }

        return copy;
    }

    private static async Task<int> ReadUntilItFailsAsync(IBackend snapshot, byte[] content, int offset)
    {
        for (int count = 0; ; count++)
        {
            try
            {
                byte[] read = await snapshot.ReadAsync(offset, MiB);
                Assert.True(content.AsSpan(offset, MiB).SequenceEqual(read), $"wrong bytes after {count} reads");
            }
            catch (TransferException e)
            {
                Assert.Equal(TransferError.StorageFailed, e.Error);
                return count;
            }
        }
    }
}
