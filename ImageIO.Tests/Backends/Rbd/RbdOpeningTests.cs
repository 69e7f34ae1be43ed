using ImageIO.Backends.Rbd;
using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Rbd;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>Connections and openings of Ceph images: what is shared, what is refused and how it is said.</summary>
[Collection(CephCluster.Collection)]
[Trait("Needs", "Root")]
[Trait("Cluster", "Ceph")]
public sealed class RbdOpeningTests(CephCluster ceph)
{
    private const int MiB = 1024 * 1024;

    [SkippableFact(Timeout = 60_000)]
    public async Task What_is_missing_is_named()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(MiB);
        (string Url, string Reason)[] cases =
        [
            ($"rbd:nopool/{name}", "no pool 'nopool'"),
            ($"rbd:rbd/nospace/{name}", "no namespace 'nospace'"),
            ("rbd:rbd/noimage", "no such image"),
            ($"rbd:rbd/{name}@nosnap", "no snapshot 'nosnap'"),
            ($"rbd:rbd/{name}:id=stranger", "client.stranger"),
        ];

        foreach ((string url, string reason) in cases)
        {
            TransferException e = await ceph.Factory.RefusesAsync(url);
            Assert.Equal(TransferError.ImageUnavailable, e.Error);
            Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_wrong_key_and_missing_files_are_named()
    {
        CephCluster.Require();
        string keyring = Path.GetTempFileName();
        string strict = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(
                keyring, "[client.imageio]\n\tkey = AQD3xF9nAAAAABAAq5Xkx0uBhm1Vq1bCzP6n7w==\n");
            await File.WriteAllTextAsync(
                strict, await File.ReadAllTextAsync(ceph.Conf) + "\nauth_client_required = cephx\n");
            string none = keyring + ".none";

            string wrongKey = await ReasonAsync(ceph.Settings() with { Keyring = keyring });
            Assert.Contains("its key is wrong", wrongKey, StringComparison.Ordinal);
            Assert.DoesNotContain("AQD3", wrongKey, StringComparison.Ordinal);
            Assert.Contains(
                "can read has its key",
                await ReasonAsync(ceph.Settings() with { Keyring = none }),
                StringComparison.Ordinal);
            Assert.Contains(
                "no keyring has a key",
                await ReasonAsync(ceph.Settings() with { Keyring = none, ConfFiles = [strict] }),
                StringComparison.Ordinal);
            Assert.Contains(
                "/nowhere/ceph.conf does not exist",
                await ReasonAsync(ceph.Settings() with { ConfFiles = ["/nowhere/ceph.conf"] }),
                StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(keyring);
            File.Delete(strict);
        }

        async Task<string> ReasonAsync(RbdSettings settings)
        {
            await using RbdBackendFactory factory = ceph.NewFactory(settings);
            return (await factory.RefusesAsync("rbd:rbd/x")).Message;
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_cluster_that_does_not_answer_is_given_up_in_time()
    {
        CephCluster.Require();
        string conf = Path.GetTempFileName();
        try
        {
            // Accepts connections and says nothing.
            using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
            silent.Start();
            string address = silent.LocalEndpoint.ToString()!;
            await File.WriteAllTextAsync(
                conf, $"[global]\nmon_host = v2:{address}\nauth_client_required = cephx\nkeyring = {ceph.Keyring}\n");
            await using RbdBackendFactory factory = ceph.NewFactory(ceph.Settings(1) with { ConfFiles = [conf] });
            long start = TimeProvider.System.GetTimestamp();

            TransferException e = await factory.RefusesAsync("rbd:rbd/x");

            Assert.Equal(TransferError.ImageUnavailable, e.Error);
            Assert.InRange(TimeProvider.System.GetElapsedTime(start).TotalSeconds, 0.5, 10);
        }
        finally
        {
            File.Delete(conf);
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Images_share_a_connection_that_is_closed_some_time_after_the_last_of_them()
    {
        CephCluster.Require();
        string[] names = [ceph.Images.CreateNew(MiB), ceph.Images.CreateNew(MiB)];
        var time = new FakeTimeProvider();
        await using RbdBackendFactory factory = ceph.NewFactory(ceph.Settings() with { Time = time });
        IBackend[] images = await Task.WhenAll(names.Select(name => factory.OpenAsync(name, write: true)));

        Assert.Equal(1, factory.Connections);
        await images[0].DisposeAsync();
        time.Advance(TimeSpan.FromMinutes(1));
        await images[1].ReadAsync();
        await images[1].DisposeAsync();
        time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(1, factory.Connections);
        time.Advance(TimeSpan.FromSeconds(2));
        await Eventually.HoldsAsync(() => factory.Connections == 0, "the connection is closed");
        await (await factory.OpenAsync(names[0])).DisposeAsync();
        Assert.Equal(1, factory.Connections);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Hundreds_of_openings_leave_nothing()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(MiB);
        await using RbdBackendFactory factory = ceph.NewFactory();
        await OpenAndCloseAsync(20);
        int threads = CephThreads.Count();

        await OpenAndCloseAsync(300);

        await Eventually.HoldsAsync(() => CephThreads.Count() <= threads + 4, "no thread is left");
        Assert.Equal(1, factory.Connections);
        Assert.Equal(0, ceph.Images.Remove(name)); // -EBUSY while a handle is open

        async Task OpenAndCloseAsync(int count) =>
            await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
            {
                await using IBackend image = await factory.OpenAsync(name, write: i % 2 == 0);
                await image.ReadAsync(0, 4096);
            });
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_user_who_may_only_read_reads_and_cannot_write()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(4 * MiB);
        byte[] content = RbdTestImage.Random(MiB, 4);
        await using (IBackend image = await ceph.Factory.OpenAsync(name, write: true))
        {
            await image.WriteAsync(content, MiB);
        }

        await using IBackend reading = await ceph.Factory.OpenAsync($"{name}:id=reader");
        byte[] expected = [.. new byte[MiB], .. content, .. new byte[2 * MiB]];
        Assert.Equal(expected, await reading.ReadAsync());
        TransferException e = await RbdTestImage.FailsAsync(async () =>
        {
            await using IBackend writing = await ceph.Factory.OpenAsync($"{name}:id=reader", write: true);
            await writing.WriteAsync(content);
        });
        Assert.Contains("profile rbd", e.Message, StringComparison.Ordinal);

        // An image that is read without a watch can be removed, and then reads as zeroes.
        Assert.Equal(0, ceph.Images.Remove(name));
        await RbdTestImage.FailsAsync(() => reading.ReadAsync(MiB, MiB));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_cache_that_keeps_writes_on_this_host_is_refused()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(MiB);
        ceph.Images.SetMetadata(name, "conf_rbd_persistent_cache_mode", "ssd");

        TransferException e = await ceph.Factory.RefusesAsync($"rbd:rbd/{name}", write: true);

        Assert.Contains("rbd_persistent_cache_mode", e.Message, StringComparison.Ordinal);
    }
}
