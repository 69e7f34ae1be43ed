using System.Text.Json.Nodes;
using ImageIO.Backends.Rbd;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Rbd;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>Ceph images when the cluster is full, a client is shut out, or others change the image.</summary>
[Collection(CephCluster.Collection)]
[Trait("Needs", "Root")]
[Trait("Cluster", "Ceph")]
public sealed class RbdTroubleTests(CephCluster ceph)
{
    private const int MiB = 1024 * 1024;

    [SkippableFact(Timeout = 60_000)]
    public async Task A_quota_that_is_used_up_fails_writes_soon_and_lets_zeroes_pass()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(512L * MiB, new RbdShape { DataPool = CephCluster.DataPool });
        await using IBackend image = await ceph.Factory.OpenAsync(name, write: true);
        byte[] bytes = RbdTestImage.Random(64 * 1024, 5);
        await image.WriteAsync(RbdTestImage.Random(MiB, 5));
        long next = 4 * MiB;
        Quota(MiB / 2);
        try
        {
            TransferException? full = null;
            await Eventually.HoldsAsync(
                async () => (full = await Record.ExceptionAsync(WriteNextAsync) as TransferException) is not null,
                "a write fails");

            Assert.Equal(TransferError.StorageFull, full!.Error);
            Assert.Contains("quota", full.Message, StringComparison.Ordinal);
            await image.ZeroAsync(0, 64 * MiB);
            await image.FlushAsync(CancellationToken.None);
        }
        finally
        {
            Quota(0);
        }

        await Eventually.HoldsAsync(
            async () => await Record.ExceptionAsync(WriteNextAsync) is null, "there is room again");
        Assert.Equal(bytes, await image.ReadAsync(next - bytes.Length, bytes.Length));

        // To a new place each time: what takes no more room is written on a full pool, too.
        Task WriteNextAsync()
        {
            next += bytes.Length;
            return image.WriteAsync(bytes, next - bytes.Length);
        }

        void Quota(int most) => ceph.Command(
            $$"""{"prefix": "osd pool """
                + $$"""set-quota", "pool": "{{CephCluster.DataPool}}", "field": "max_bytes", "val": "{{most}}"}""");
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_cluster_that_is_full_fails_writes_soon_lets_zeroes_pass_and_goes_on_with_more_room()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(64L * 1024 * MiB);
        await using IBackend image = await ceph.Factory.OpenAsync(name, write: true);
        byte[] bytes = RbdTestImage.Random(64 * 1024, 5);
        await image.WriteAsync(RbdTestImage.Random(MiB, 5));
        long next = 4 * MiB;
        Ratios("0.0001", "0.0001", "0.0001");
        try
        {
            TransferException? full = null;
            await Eventually.HoldsAsync(
                async () => (full = await Record.ExceptionAsync(WriteNextAsync) as TransferException) is not null,
                "a write fails");

            Assert.True(full!.Error == TransferError.StorageFull, full.Message);
            await image.ZeroAsync(0, 64 * MiB);
            await image.FlushAsync(CancellationToken.None);
            Assert.Equal(new byte[MiB], await image.ReadAsync(0, MiB));
        }
        finally
        {
            Ratios("0.85", "0.9", "0.95");
        }

        await Eventually.HoldsAsync(
            async () => await Record.ExceptionAsync(WriteNextAsync) is null, "there is room again");

        Task WriteNextAsync()
        {
            next += bytes.Length;
            return image.WriteAsync(bytes, next - bytes.Length);
        }

        // The largest of them counts.
        void Ratios(string nearlyFull, string backfillFull, string full)
        {
            ceph.Command($$"""{"prefix": "osd set-nearfull-ratio", "ratio": {{nearlyFull}}}""");
            ceph.Command($$"""{"prefix": "osd set-backfillfull-ratio", "ratio": {{backfillFull}}}""");
            ceph.Command($$"""{"prefix": "osd set-full-ratio", "ratio": {{full}}}""");
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_monitor_that_stands_still_holds_up_what_needs_it_and_no_image_that_is_open()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(4 * MiB);
        await using RbdBackendFactory factory = ceph.NewFactory(ceph.Settings(1));
        await using RbdBackendFactory unconnected = ceph.NewFactory(ceph.Settings(1));
        await using IBackend image = await factory.OpenAsync(name, write: true);
        byte[] bytes = RbdTestImage.Random(MiB, 6);
        await ceph.DoAsync("pause", "mon.a");
        try
        {
            await image.WriteAsync(bytes);
            await image.FlushAsync(CancellationToken.None);
            Assert.Equal(bytes, await image.ReadAsync(0, MiB));

            // librados itself would wait for ever.
            TransferException pool = await factory.RefusesAsync("rbd:nopool/x");
            TransferException connect = await unconnected.RefusesAsync($"rbd:rbd/{name}");
            Assert.Contains("the monitors did not tell its pool", pool.Message, StringComparison.Ordinal);
            Assert.Equal(TransferError.ImageUnavailable, connect.Error);
            Assert.Equal(bytes, await image.ReadAsync(0, MiB));
        }
        finally
        {
            await ceph.DoAsync("resume", "mon.a");
        }

        await using IBackend again = await unconnected.OpenAsync(name);
        Assert.Equal(bytes, await again.ReadAsync(0, MiB));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Disposal_makes_durable_what_a_cache_kept_or_fails()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(4 * MiB, new RbdShape { Features = 1 });
        ceph.Images.SetMetadata(name, "conf_rbd_cache", "true");
        ceph.Images.SetMetadata(name, "conf_rbd_cache_writethrough_until_flush", "false");
        byte[] bytes = RbdTestImage.Random(MiB, 7);
        await using RbdBackendFactory factory = ceph.NewFactory(ceph.Settings(1));
        IBackend image = await factory.OpenAsync(name, write: true);
        IBackend unlucky = await factory.OpenAsync(name, write: true);

        await image.WriteAsync(bytes);
        await image.DisposeAsync();
        await using IBackend other = await ceph.Factory.OpenAsync(name);
        Assert.Equal(bytes, await other.ReadAsync(0, MiB));

        await ceph.DoAsync("pause", "osd.0");
        try
        {
            await unlucky.WriteAsync(bytes, 2 * MiB); // it succeeds: the cache has it
            TransferException e = await RbdTestImage.FailsAsync(async () => await unlucky.DisposeAsync());
            Assert.Equal(TransferError.StorageFailed, e.Error);
        }
        finally
        {
            await ceph.DoAsync("resume", "osd.0");
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_client_that_is_blocklisted_fails_and_the_next_opening_works()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(4 * MiB);
        await using RbdBackendFactory factory = ceph.NewFactory();
        IBackend image = await factory.OpenAsync(name, write: true);
        byte[] bytes = RbdTestImage.Random(MiB, 6);
        await image.WriteAsync(bytes);
        var status = JsonNode.Parse(await ceph.RunAsync("rbd", "status", "--format", "json", $"rbd/{name}"))!;
        string address = status["watchers"]!.AsArray().Select(watcher => (string)watcher!["address"]!).Single();

        ceph.Command($$"""{"prefix": "osd blocklist", "blocklistop": "add", "addr": "{{address}}"}""");
        TransferException? e = null;
        await Eventually.HoldsAsync(
            async () =>
                (e = await Record.ExceptionAsync(() => image.WriteAsync(bytes, MiB)) as TransferException) is not null,
            "a write fails");

        Assert.Equal(TransferError.StorageFailed, e!.Error);
        Assert.Contains("blocklisted", e.Message, StringComparison.Ordinal);
        await using IBackend again = await factory.OpenAsync(name, write: true);
        Assert.Equal(bytes, await again.ReadAsync(0, MiB));
        await again.WriteAsync(bytes, 2 * MiB);
        await Record.ExceptionAsync(async () => await image.DisposeAsync());
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task An_image_that_shrinks_or_grows_is_never_written_past_its_end()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(8 * MiB);
        await using IBackend image = await ceph.Factory.OpenAsync(name, write: true);
        await image.WriteAsync(RbdTestImage.Random(8 * MiB, 8));

        ceph.Images.Resize(name, 12 * MiB);
        await Eventually.HoldsAsync(() => image.Size == 12 * MiB, "it has grown");
        await image.WriteAsync(new byte[MiB], 11 * MiB);
        ceph.Images.Resize(name, (4 * MiB) + 1);
        await Eventually.HoldsAsync(() => image.Size == (4 * MiB) + 1, "it has shrunk");
        TransferException write = await RbdTestImage.FailsAsync(() => image.WriteAsync(new byte[2], 4 * MiB));
        TransferException zero = await RbdTestImage.FailsAsync(() => image.ZeroAsync(4 * MiB, MiB));

        Assert.Equal((TransferError.StorageFailed, TransferError.StorageFailed), (write.Error, zero.Error));
        Assert.All((await image.ReadAsync((4 * MiB) + 1, MiB)).ToArray(), each => Assert.Equal(0, each));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task An_image_that_is_open_cannot_be_removed()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(MiB);
        IBackend image = await ceph.Factory.OpenAsync(name);
        Assert.Equal(-16, ceph.Images.Remove(name)); // EBUSY
        await image.DisposeAsync();
        Assert.Equal(0, ceph.Images.Remove(name));
    }
}
