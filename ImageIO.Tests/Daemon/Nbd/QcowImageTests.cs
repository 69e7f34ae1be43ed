using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Daemon.Nbd;

/// <summary>qcow2 images through qemu-nbd, as clients of the daemon see them; qemu-img is the judge.</summary>
[Trait("Needs", "Qemu")]
public sealed class QcowImageTests(NbdDaemon nbd) : IClassFixture<NbdDaemon>
{
    private const int Timeout = 60_000;
    private const int Cluster = 65536;
    private const int Size = 64 * Cluster;

    [SkippableFact(Timeout = Timeout)]
    public async Task An_upload_into_qcow2_and_its_download_are_what_qemu_img_sees()
    {
        string raw = nbd.NewPath("raw");
        byte[] content = Bytes.Random(Size);
        Array.Clear(content, 10 * Cluster, 20 * Cluster);
        await File.WriteAllBytesAsync(raw, content);
        string disk = await nbd.Qcow2FileAsync(Size);
        await using (NbdServer server = await nbd.QemuNbdAsync("--format=qcow2", disk))
        {
            NbdTicket ticket = await nbd.InstallAsync(server, Size);
            Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(0, content));
            await ticket.AssertHoldsAsync(0, content, "downloaded");

            JsonObject options = await ticket.OptionsAsync();
            Assert.Equal(8, options["max_readers"]!.GetValue<int>());
            Assert.Equal(8, options["max_writers"]!.GetValue<int>());
            Assert.Equal(
                ["checksum", "extents", "flush", "zero"],
                options["features"]!.AsArray().Select(feature => feature!.GetValue<string>()));
            await server.StopAsync();
        }

        await SystemTool.RunAsync("qemu-img", "compare", "-s", "-f", "raw", "-F", "qcow2", raw, disk);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Any_offset_and_length_of_an_image_is_written_zeroed_and_read_and_nothing_past_its_end()
    {
        string disk = await nbd.Qcow2FileAsync(Size);
        await using NbdServer server = await nbd.QemuNbdAsync("--format=qcow2", disk);
        NbdTicket ticket = await nbd.InstallAsync(server, 2 * Size);
        byte[] expected = new byte[Size];
        var random = new Random(5);
        for (int i = 0; i < 20; i++)
        {
            int start = random.Next(Size - 1);
            byte[] bytes = Bytes.Random(random.Next(1, Math.Min(Size - start, 3 * Cluster)), seed: i);
            Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(start, bytes, flush: false));
            bytes.CopyTo(expected, start);
            int zeroStart = random.Next(Size - 1);
            int zeroes = random.Next(1, Math.Min(Size - zeroStart, 2 * Cluster));
            Assert.Equal(HttpStatusCode.OK, await ticket.ZeroAsync(zeroStart, zeroes));
            Array.Clear(expected, zeroStart, zeroes);
        }

        Assert.Equal(HttpStatusCode.OK, await ticket.FlushAsync());
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, await ticket.PutAsync(Size - 1, [1, 2]));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, await ticket.ZeroAsync(Size, 1));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, await ticket.TryGetAsync(Size, 1));
        await ticket.AssertHoldsAsync(0, expected, "downloaded");
    }

    [SkippableTheory(Timeout = Timeout)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Extents_of_a_chain_tell_data_zeroes_and_what_no_layer_has(bool shallow)
    {
        // Base: data in 1, 2 and 3. Top: data in 2 and 4, an explicit zero in 3. Nothing in 0 and from 5 on.
        string below = await nbd.Qcow2FileAsync(8 * Cluster);
        string top = await nbd.Qcow2FileAsync(8 * Cluster, below);
        await NbdDaemon.WriteAsync(below, "write -P 1 64k 192k");
        await NbdDaemon.WriteAsync(top, "write -P 2 128k 64k", "write -z 192k 64k", "write -P 4 256k 64k");
        string backing = shallow ? ", 'backing': null" : "";
        string json = $"json:{{'driver': 'qcow2', 'file': {{'driver': 'file', 'filename': '{top}'}}{backing}}}"
            .Replace('\'', '"');
        await using NbdServer server = await nbd.QemuNbdAsync("--read-only", "--allocation-depth", json);
        NbdTicket ticket = await nbd.InstallAsync(server, 8 * Cluster, "read");

        string[] extents = [.. (await ticket.ExtentsAsync()).Select(Describe)];

        Assert.Equal(
            shallow
                ? ["0+2 zero hole", "2+1 data", "3+1 zero", "4+1 data", "5+3 zero hole"]
                : ["0+1 zero hole", "1+2 data", "3+1 zero", "4+1 data", "5+3 zero hole"],
            extents);
        byte[] all = await ticket.GetAllAsync();
        Assert.Equal(
            shallow ? [0, 0, 2, 0, 4, 0, 0, 0] : [0, 1, 2, 0, 4, 0, 0, 0],
            Enumerable.Range(0, 8).Select(i => (int)all[(i * Cluster) + 5]));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Extents_end_where_the_ticket_ends()
    {
        string disk = await nbd.Qcow2FileAsync(8 * Cluster);
        await NbdDaemon.WriteAsync(disk, "write -P 1 0 512k");
        await using NbdServer server = await nbd.QemuNbdAsync("--read-only", "--format=qcow2", disk);
        NbdTicket ticket = await nbd.InstallAsync(server, (3 * Cluster) + 17, "read");

        JsonNode extent = Assert.Single(await ticket.ExtentsAsync())!;

        Assert.Equal((3 * Cluster) + 17, extent["length"]!.GetValue<int>());
        Assert.Equal((3 * Cluster) + 17, (await ticket.GetAllAsync()).Length);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_cold_backup_tells_what_is_dirty_in_the_bitmap_and_nothing_without_one()
    {
        string disk = await nbd.Qcow2FileAsync(8 * Cluster);
        await NbdDaemon.WriteAsync(disk, "write -P 1 0 256k");
        await SystemTool.RunAsync("qemu-img", "bitmap", "--add", "-g", "64k", disk, "b1");
        await NbdDaemon.WriteAsync(disk, "write -P 2 64k 64k", "write -z 128k 64k");

        await using (NbdServer server = await nbd.QemuNbdAsync("--read-only", "--bitmap=b1", "--format=qcow2", disk))
        {
            NbdTicket ticket = await nbd.InstallAsync(server, 8 * Cluster, "read", dirty: true);
            Assert.Equal(
                ["0+1 clean", "1+1 dirty", "2+1 zero dirty", "3+1 clean", "4+4 zero clean"],
                (await ticket.ExtentsAsync("dirty")).Select(Describe));
            NbdTicket without = await nbd.InstallAsync(server, 8 * Cluster, "read");
            Assert.Equal(HttpStatusCode.NotFound, await without.TryExtentsAsync("dirty"));
        }

        await using NbdServer plain = await nbd.QemuNbdAsync("--read-only", "--format=qcow2", disk);
        NbdTicket none = await nbd.InstallAsync(plain, 8 * Cluster, "read", dirty: true);
        Assert.Equal(HttpStatusCode.NotFound, await none.TryExtentsAsync("dirty"));
        Assert.Equal(HttpStatusCode.OK, await none.TryExtentsAsync("zero"));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_compressed_image_is_read_and_written_in_blocks_of_its_clusters()
    {
        string disk = await nbd.Qcow2FileAsync(Size);
        byte[] content = [.. Enumerable.Range(0, Size).Select(i => (byte)(i / 1000))];
        string file = $"{{'driver': 'qcow2', 'file': {{'driver': 'file', 'filename': '{disk}'}}}}";
        string json = $"json:{{'driver': 'compress', 'file': {file}}}"
            .Replace('\'', '"');
        await using (NbdServer server = await nbd.QemuNbdAsync(json))
        {
            NbdTicket ticket = await nbd.InstallAsync(server, Size);
            Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(0, content));
            await ticket.AssertHoldsAsync(777, content[777..200_000], "read at odd offsets");
            await server.StopAsync();
        }

        Assert.True(new FileInfo(disk).Length < Size / 4, "the image is not compressed");
        string raw = nbd.NewPath("raw");
        await SystemTool.RunAsync("qemu-img", "convert", "-O", "raw", disk, raw);
        byte[] converted = await File.ReadAllBytesAsync(raw);
        Bytes.AssertEqual(content, converted, "what qemu-img reads");
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_checksum_of_an_image_is_that_of_its_guests_bytes()
    {
        string disk = await nbd.Qcow2FileAsync(Size);
        await NbdDaemon.WriteAsync(disk, "write -P 7 1M 1M");
        await using NbdServer server = await nbd.QemuNbdAsync("--read-only", "--format=qcow2", disk);
        NbdTicket ticket = await nbd.InstallAsync(server, Size, "read");
        TestImage raw = await nbd.Daemon.AddImageAsync(await ticket.GetAllAsync(), "read");

        Assert.Equal(
            await nbd.Daemon.Remote.GetStringAsync($"{raw.Url}/checksum"),
            await nbd.Daemon.Remote.GetStringAsync($"{ticket.Path}/checksum"));
    }

    private static string Describe(JsonNode? extent)
    {
        string[] facts =
        [
            .. extent!["zero"]!.GetValue<bool>() ? (string[])["zero"] : [],
            .. extent["hole"]?.GetValue<bool>() == true ? (string[])["hole"] : [],
            .. extent["dirty"] is { } dirty ? (string[])[dirty.GetValue<bool>() ? "dirty" : "clean"] : [],
        ];
        return $"{extent["start"]!.GetValue<long>() / Cluster}+{extent["length"]!.GetValue<long>() / Cluster} "
            + (facts.Length == 0 ? "data" : string.Join(' ', facts));
    }
}
