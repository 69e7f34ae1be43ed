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
