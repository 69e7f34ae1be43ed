using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;
using ImageIO.Tests.Support.Rbd;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>A daemon with tickets for Ceph images: what a manager and its clients do, request by request.</summary>
[Collection(CephCluster.Collection)]
[Trait("Needs", "Root")]
[Trait("Cluster", "Ceph")]
public sealed class RbdDaemonTests(CephCluster ceph) : IAsyncLifetime
{
    private const int MiB = 1024 * 1024;

    private DaemonFixture _daemon = null!;

    public async Task InitializeAsync()
    {
        if (CephCluster.WhyNot is null)
        {
            _daemon = await DaemonFixture.StartAsync(ceph.DaemonOptions());
        }
    }

    public async Task DisposeAsync()
    {
        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task What_was_uploaded_and_zeroed_comes_down_and_other_clients_of_the_cluster_have_it()
    {
        CephCluster.Require();
        const int Size = (24 * MiB) + 512;
        string name = ceph.Images.CreateNew(Size);
        NbdTicket ticket = await InstallAsync(name, Size);
        byte[] expected = new byte[Size];

        foreach ((int start, int length) in new[] { (0, 9 * MiB), ((12 * MiB) + 3, 70_001), (Size - 1000, 1000) })
        {
            byte[] bytes = Bytes.Random(length, start + 1);
            bytes.CopyTo(expected, start);
            Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(start, bytes, flush: false));
        }

        Assert.Equal(HttpStatusCode.OK, await ticket.ZeroAsync((2 * MiB) + 5, 5 * MiB));
        expected.AsSpan((2 * MiB) + 5, 5 * MiB).Clear();
        Assert.Equal(HttpStatusCode.OK, await ticket.FlushAsync());

        byte[] downloaded = await ticket.GetAllAsync();
        Bytes.AssertEqual(expected, downloaded, "the download");
        await using IBackend other = await ceph.Factory.OpenAsync(name);
        byte[] seen = await other.ReadAsync();
        Bytes.AssertEqual(expected, seen, "another client's image");
        JsonArray extents = await ticket.ExtentsAsync();
        AssertCover(extents, Size);
        Assert.All(extents.Where(IsZero), extent => Assert.Equal(-1, Of(expected, extent).IndexOfAnyExcept((byte)0)));
        Assert.InRange(extents.Where(extent => !IsZero(extent)).Sum(Length), 1, 16 * MiB); // four objects have data
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_range_past_the_end_is_416_and_writes_nothing()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(MiB);
        NbdTicket ticket = await InstallAsync(name, MiB);

        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, await ticket.PutAsync(MiB - 10, new byte[11]));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, await ticket.TryGetAsync(MiB, 1));
        Assert.Equal(-1, (await ticket.GetAllAsync()).AsSpan().IndexOfAnyExcept((byte)0));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_full_backup_and_two_increments_equal_the_image_at_each_snapshot_and_restore_it()
    {
        CephCluster.Require();
        const int Size = 32 * MiB;
        string name = ceph.Images.CreateNew(Size);
        NbdTicket guest = await InstallAsync(name, Size);
        var random = new Random(22);
        byte[] disk = new byte[Size];
        byte[] copy = new byte[Size];
        for (int round = 0; round < 3; round++)
        {
            await WriteAsGuestAsync(guest, disk, random);
            ceph.Images.Snapshot(name, $"s{round}");
            ceph.Images.Protect(name, $"s{round}");

            long moved = await BackUpAsync(name, round, copy);

            Bytes.AssertEqual(disk, copy, $"backup {round}");
            Assert.Equal(await DifferenceAsync(name, round), moved);
        }

        string restored = ceph.Images.CreateNew(Size);
        NbdTicket restore = await InstallAsync(restored, Size);
        Assert.Equal(HttpStatusCode.OK, await restore.PutAsync(0, copy));
        byte[] image = await restore.GetAllAsync();
        Bytes.AssertEqual(disk, image, "the restored image");
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Dirty_extents_without_an_older_snapshot_are_404()
    {
        CephCluster.Require();
        string name = ceph.Images.CreateNew(MiB);
        ceph.Images.Snapshot(name, "s0");

        NbdTicket missing = await InstallAsync($"{name}@s0:from_snap=none", MiB, "read", dirty: true);
        NbdTicket none = await InstallAsync($"{name}@s0", MiB, "read", dirty: true);

        Assert.Equal(HttpStatusCode.NotFound, await missing.TryExtentsAsync("dirty"));
        Assert.Equal(HttpStatusCode.NotFound, await none.TryExtentsAsync("dirty"));
        Assert.Equal(HttpStatusCode.OK, await missing.TryExtentsAsync("zero"));
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("rbd:rbd/disk:mon_host=10.0.0.1", "mon_host")]
    [InlineData("rbd:rbd/disk:key=AQDsecret==", "'key'")]
    [InlineData("rbd:rbd/disk:conf=/etc/ceph/other.conf", "conf of [backend_rbd]")]
    [InlineData("rbd://fsid/rbd/disk/snap", "Glance")]
    public async Task A_url_that_is_refused_is_400_when_the_ticket_is_installed(string url, string reason)
    {
        CephCluster.Require();
        string id = Guid.NewGuid().ToString();
        using HttpResponseMessage response = await _daemon.Control.PutAsync(
            $"/tickets/{id}", new StringContent(TicketBody.For(id, "", MiB).With("url", url).ToJsonString()));
        string answer = await response.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(reason, answer, StringComparison.Ordinal);
        Assert.DoesNotContain("AQDsecret", answer + _daemon.Files.ReadLog(), StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task An_image_that_is_missing_is_500_and_the_log_says_why_without_a_key()
    {
        CephCluster.Require();
        NbdTicket ticket = await InstallAsync("missing", MiB);

        Assert.Equal(HttpStatusCode.InternalServerError, await ticket.TryGetAsync(0, 10));
        Assert.Equal(HttpStatusCode.NoContent, await ticket.DeleteAsync());

        string log = _daemon.Files.ReadLog();
        Assert.Contains("rbd:rbd/missing cannot be opened: there is no such image", log, StringComparison.Ordinal);
        string[] keys = [.. (await File.ReadAllLinesAsync(ceph.Keyring)).Where(line => line.Contains("key = ")).Select(
            line => line.Split(" = ")[1])];
        Assert.NotEmpty(keys);
        Assert.All(keys, key => Assert.DoesNotContain(key, log, StringComparison.Ordinal));
    }

    private Task<NbdTicket> InstallAsync(string image, long size, string op = "write", bool dirty = false) =>
        NbdTicket.InstallAsync(_daemon, CephCluster.Url(image), size, op, dirty, sparse: true);

    private static async Task WriteAsGuestAsync(NbdTicket guest, byte[] disk, Random random)
    {
        for (int i = 0; i < 12; i++)
        {
            int start = random.Next(disk.Length);
            int length = Math.Min(disk.Length - start, random.Next(1, 2 * MiB));
            if (i % 3 == 2)
            {
                Assert.Equal(HttpStatusCode.OK, await guest.ZeroAsync(start, length));
                disk.AsSpan(start, length).Clear();
            }
            else
            {
                byte[] bytes = Bytes.Random(length, random.Next());
                Assert.Equal(HttpStatusCode.OK, await guest.PutAsync(start, bytes, flush: false));
                bytes.CopyTo(disk, start);
            }
        }

        Assert.Equal(HttpStatusCode.OK, await guest.FlushAsync());
    }

    // Brings the copy up to a snapshot, and returns how many bytes that moved.
    private async Task<long> BackUpAsync(string name, int round, byte[] copy)
    {
        bool isFull = round == 0;
        NbdTicket ticket = await InstallAsync(
            isFull ? $"{name}@s0" : $"{name}@s{round}:from_snap=s{round - 1}", copy.Length, "read", dirty: !isFull);
        JsonArray extents = await ticket.ExtentsAsync(isFull ? "zero" : "dirty");
        AssertCover(extents, copy.Length);
        long moved = 0;
        foreach (JsonNode? extent in extents.Where(extent => isFull || (bool)extent!["dirty"]!))
        {
            if (IsZero(extent))
            {
                Of(copy, extent).Clear();
                continue;
            }

            (await ticket.GetAsync(Start(extent), Length(extent))).CopyTo(copy, Start(extent));
            moved += Length(extent);
        }

        Assert.Equal(HttpStatusCode.NoContent, await ticket.DeleteAsync());
        return moved;
    }

    // The bytes of data that Ceph's own program tells.
    private async Task<long> DifferenceAsync(string name, int round)
    {
        string[] since = round == 0 ? [] : ["--from-snap", $"s{round - 1}"];
        string json = await ceph.RunAsync("rbd", ["diff", "--format", "json", .. since, $"rbd/{name}@s{round}"]);
        return JsonNode.Parse(json)!.AsArray().Where(each => (string)each!["exists"]! == "true").Sum(Length);
    }

    private static void AssertCover(JsonArray extents, long size)
    {
        long position = 0;
        foreach (JsonNode? extent in extents)
        {
            Assert.Equal(position, Start(extent));
            position += Length(extent);
        }

        Assert.Equal(size, position);
    }

    private static Span<byte> Of(byte[] image, JsonNode? extent) =>
        image.AsSpan((int)Start(extent), (int)Length(extent));

    private static long Start(JsonNode? extent) => (long)extent!["start"]!;

    private static long Length(JsonNode? extent) => (long)extent!["length"]!;

    private static bool IsZero(JsonNode? extent) => (bool)extent!["zero"]!;
}
