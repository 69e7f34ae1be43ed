using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Our client and our daemon, beside curl and nbdcopy; both ends may use all cores.</summary>
internal static class ClientWorks
{
    // Of build/publish-client.sh, or else of a build of the project.
    private static readonly string[] Programs =
    [
        "out/client/linux-x64/imageio", "out/client/linux-arm64/imageio", "ImageIO.Cli/bin/Release/net10.0/imageio",
    ];

    /// <summary>Path of our client.</summary>
    /// <exception cref="BenchException">It was not built.</exception>
    public static string FindProgram() => Path.GetFullPath(Programs.FirstOrDefault(File.Exists)
        ?? throw new BenchException("imageio is not built: build/publish-client.sh linux-x64"));

    /// <summary>Uploads and downloads of random data, of a sparse image and of a packed qcow2 image.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        string program = FindProgram();
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.AllCores);
        await using NbdServer? nbd = NbdServer.Name is null ? null : await NbdServer.StartAsync(place, place.Image);
        string url = $"{daemon.Url}/images/{await daemon.TicketAsync(place.Image, Place.ImageSize)}";
        await UploadAsync(place, board, daemon, program, "client: upload over the Unix socket");
        // As from another host.
        await using (DaemonServer far = await DaemonServer.StartAsync(
            place, place.AllCores, "[local]\nenable = false\n"))
        {
            await UploadAsync(place, board, far, program, "client: upload over TLS");
        }

        await board.CompareAsync(new Comparison
        {
            Work = "client: download",
            Bytes = Place.ImageSize,
            Ours = new("imageio download", () => daemon.Process.MeasureAsync(
                () => ClientAsync(place, program, "download", url, Path.Combine(place.Memory, "down"), "--force"))),
            Peer = nbd is null ? null : new($"{NbdServer.Name}, nbdcopy", () => nbd.Process.MeasureAsync(
                () => Tool.RunAsync("nbdcopy", nbd.Uri, Path.Combine(place.Memory, "nbd")))),
        });
        await SparseAsync(place, board, daemon, program);
        await PackedAsync(place, board, daemon, program);
    }

    private static async Task UploadAsync(
        Place place, Scoreboard board, DaemonServer daemon, string program, string work)
    {
        var curl = new Curl(place);
        string url = $"{daemon.Url}/images/{await daemon.TicketAsync(place.Image, Place.ImageSize)}";
        await board.CompareAsync(new Comparison
        {
            Work = work,
            Bytes = Place.ImageSize,
            Target = "wall <= 0.9",
            Ours = new("imageio upload", () => daemon.Process.MeasureAsync(() => ClientAsync(
                place, program, "upload", place.Source, url))),
            Peer = new("curl -T, TLS", () => daemon.Process.MeasureAsync(() => curl.UploadAsync(url))),
        });
    }

    // 1 TiB with as much data as the image, beside the data alone.
    private static async Task SparseAsync(Place place, Scoreboard board, DaemonServer daemon, string program)
    {
        const long Size = 1L << 40;
        string sparse = Path.Combine(place.Disk, "client-sparse"), target = Path.Combine(place.Disk, "client-target");
        await Tool.RunAsync("cp", place.DiskImage, sparse);
        await Tool.RunAsync("truncate", "-s", $"{Size}", sparse);
        await Tool.RunAsync("truncate", "-s", $"{Size}", target);
        string large = $"{daemon.Url}/images/{await daemon.TicketAsync(target, Size)}";
        string small = $"{daemon.Url}/images/{await daemon.TicketAsync(target, Place.ImageSize)}";
        await board.CompareAsync(new Comparison
        {
            Work = "client: upload of 1 TiB, mostly zeroes",
            Bytes = Place.ImageSize,
            Target = "wall <= 1.2",
            Ours = new("imageio upload", () => daemon.Process.MeasureAsync(
                () => ClientAsync(place, program, "upload", sparse, large, "--destination-is-zero"))),
            Peer = new("imageio, data only", () => daemon.Process.MeasureAsync(
                () => ClientAsync(place, program, "upload", place.DiskImage, small, "--keep-rest"))),
        });
    }

    private static async Task PackedAsync(Place place, Scoreboard board, DaemonServer daemon, string program)
    {
        if (!Tool.IsThere("qemu-img"))
        {
            return;
        }

        string raw = Path.Combine(place.Disk, "half"), packed = Path.Combine(place.Disk, "half.qcow2");
        await Tool.RunAsync("sh", "-c", $"base64 -w 0 {place.Source} | head -c {Place.ImageSize} > {raw}");
        await Tool.RunAsync("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", raw, packed);
        string url = $"{daemon.Url}/images/{await daemon.TicketAsync(raw, Place.ImageSize)}";
        await board.CompareAsync(new Comparison
        {
            Work = "client: qcow2 (zlib) to a raw disk",
            Bytes = Place.ImageSize,
            Target = "wall <= 1.0 + network",
            Ours = new("imageio upload", () => daemon.Process.MeasureAsync(() => ClientAsync(
                place, program, "upload", packed, url))),
            Peer = new("qemu-img convert, local", () => daemon.Process.MeasureAsync(
                () => Tool.RunAsync(
                    "qemu-img", "convert", "-f", "qcow2", "-O", "raw", packed, Path.Combine(place.Disk, "converted")))),
        });
    }

    private static Task<string> ClientAsync(Place place, string program, params string[] arguments) =>
        Tool.RunAsync(program, [.. arguments, "--cafile", place.AuthorityFile, "--output", "json"]);
}
