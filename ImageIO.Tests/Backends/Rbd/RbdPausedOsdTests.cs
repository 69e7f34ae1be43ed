using ImageIO.Backends.Rbd;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support.Rbd;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>
/// A cluster whose storage stalls: each call ends in time, and all continue when the storage is back.
/// </summary>
[Collection(CephCluster.Collection)]
[Trait("Needs", "Root")]
[Trait("Cluster", "Ceph")]
[Trait("Speed", "Slow")]
public sealed class RbdPausedOsdTests(CephCluster ceph)
{
    private const int MiB = 1024 * 1024;
    private const double Timeout = 1;

    [SkippableFact(Timeout = 120_000)]
    public async Task Calls_under_way_fail_in_time_and_later_ones_succeed()
    {
        CephCluster.Require();
        await using RbdBackendFactory factory = ceph.NewFactory(ceph.Settings(Timeout));
        string[] names = [.. Enumerable.Range(0, 16).Select(
            _ => ceph.Images.CreateNew(4 * MiB, new RbdShape { Features = 1 }))];
        IBackend[] images = await Task.WhenAll(names.Select(name => factory.OpenAsync(name, write: true)));
        byte[] bytes = RbdTestImage.Random(MiB, 9);
        await Task.WhenAll(images.Select(image => image.WriteAsync(bytes)));
        int threads = CephThreads.Count();

        await ceph.DoAsync("pause", "osd.0");
        long start = TimeProvider.System.GetTimestamp();
        try
        {
            Task<TransferException>[] calls =
            [
                .. images.Select(image => RbdTestImage.FailsAsync(() => image.WriteAsync(bytes, MiB))),
                .. images.Take(4).Select(image => RbdTestImage.FailsAsync(() => image.ReadAsync(0, MiB))),
                RbdTestImage.FailsAsync(() => images[0].ZeroAsync(2 * MiB, MiB)),
                RbdTestImage.FailsAsync(() => images[1].ExtentsAsync(ExtentContext.Zero)),
                RbdTestImage.FailsAsync(async () => await factory.OpenAsync(names[0], write: true)),
            ];
            Assert.True(CephThreads.Count() <= threads + 8); // none is held by a read or a write
            TransferException[] failures = await Task.WhenAll(calls);

            Assert.All(failures, failure => Assert.Equal(TransferError.StorageFailed, failure.Error));
            Assert.InRange(TimeProvider.System.GetElapsedTime(start).TotalSeconds, Timeout, 20);
        }
        finally
        {
            await ceph.DoAsync("resume", "osd.0");
        }

        foreach (IBackend image in images)
        {
            await image.WriteAsync(bytes, MiB);
            Assert.Equal(bytes, await image.ReadAsync(0, MiB));
            Assert.Equal(bytes, await image.ReadAsync(MiB, MiB));
            await image.DisposeAsync();
        }
    }
}
