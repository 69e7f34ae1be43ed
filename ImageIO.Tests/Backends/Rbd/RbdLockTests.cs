using System.Diagnostics;
using ImageIO.Backends.Rbd;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Rbd;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>Ceph images whose lock belongs to another client: alive, frozen, killed, or keeping it.</summary>
[Collection(CephCluster.Collection)]
[Trait("Needs", "Root")]
[Trait("Cluster", "Ceph")]
public sealed class RbdLockTests(CephCluster ceph)
{
    private const int MiB = 1024 * 1024;

    [SkippableFact(Timeout = 60_000)]
    public async Task A_client_that_keeps_the_lock_is_told_about()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(4 * MiB);
        using (ceph.Images.Lock(name))
        {
            await using IBackend image = await ceph.Factory.OpenAsync(name, write: true);
            TransferException e = await RbdTestImage.FailsAsync(() => image.WriteAsync(new byte[MiB]));
            Assert.Contains("lock", e.Message, StringComparison.Ordinal);
            Assert.Equal(4 * MiB, (await image.ReadAsync()).Length);
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Two_daemons_hand_the_lock_to_each_other()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(8 * MiB);
        await using RbdBackendFactory other = ceph.NewFactory();
        await using IBackend here = await ceph.Factory.OpenAsync(name, write: true);
        await using IBackend there = await other.OpenAsync(name, write: true);
        byte[] bytes = RbdTestImage.Random(8 * MiB, 7);

        for (int i = 0; i < 8; i++)
        {
            await (i % 2 == 0 ? here : there).WriteAsync(bytes[(i * MiB)..((i + 1) * MiB)], i * MiB);
        }

        Assert.Equal(bytes, await here.ReadAsync());
        Assert.Equal(bytes, await there.ReadAsync());
        Assert.Equal(here.Identity, there.Identity);
        Assert.NotNull(here.Storage);
        Assert.Equal(here.Storage, there.Storage);
    }

    [SkippableFact(Timeout = 120_000)]
    [Trait("Speed", "Slow")]
    public async Task The_lock_of_a_client_that_was_killed_or_hangs_is_broken_after_its_lease()
    {
        CephCluster.Require();
        // Instead of half a minute. Taken down when a client begins to watch.
        await ceph.RunAsync("ceph", "tell", "osd.0", "config", "set", "osd_client_watch_timeout", "8");
        try
        {
            await Task.WhenAll(WriteAfterAsync(Signum.SIGKILL), WriteAfterAsync(Signum.SIGSTOP));
        }
        finally
        {
            await ceph.RunAsync("ceph", "tell", "osd.0", "config", "set", "osd_client_watch_timeout", "30");
        }
    }

    private async Task WriteAfterAsync(Signum signal)
    {
        string name = ceph.Images.CreateNew(8 * MiB);
        using Process owner = Process.Start(new ProcessStartInfo(
            "rbd",
            [
                "-c", ceph.Conf, "bench", $"rbd/{name}", "--io-type", "write", "--io-size", "4096", "--io-threads", "1",
                "--io-total", "1T",
            ])
        {
            RedirectStandardOutput = true,
        })!;
        try
        {
            await Eventually.HoldsAsync(() => ceph.Images.IsLocked(name), "the other client has the lock");
            Assert.Equal(0, Syscall.kill(owner.Id, signal));
            await using IBackend image = await ceph.Factory.OpenAsync(name, write: true);
            byte[] bytes = RbdTestImage.Random(MiB, (int)signal);

            await image.WriteAsync(bytes, 4 * MiB);

            Assert.Equal(bytes, await image.ReadAsync(4 * MiB, MiB));
        }
        finally
        {
            owner.Kill();
            await owner.WaitForExitAsync();
        }
    }
}
