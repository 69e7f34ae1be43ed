using System.Globalization;
using System.Text.Json;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Uploads and downloads of a file on a disk and of a loop device, with direct I/O.</summary>
internal static class DiskWorks
{
    private const double GiB = Place.ImageSize / (double)(1 << 30);
    private const int Rounds = 5;

    /// <summary>A file, beside the slower of disk and network alone; as root also a loop device on that file.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
        var curl = new Curl(place);
        string disk = $"{daemon.Url}/images/{await daemon.TicketAsync(place.DiskImage, Place.ImageSize)}";
        string memory = $"{daemon.Url}/images/{await daemon.TicketAsync(place.Image, Place.ImageSize)}";
        await OverlapAsync(place, board, daemon, curl, disk, memory);
        await CompareAsync(board, daemon, curl, "file on a disk", disk);
        await board.TryAsync("loop device", () => LoopAsync(place, board, daemon, curl));
    }

    // The disk alone, the same daemon into memory, and both together, in turn.
    private static async Task OverlapAsync(
        Place place, Scoreboard board, DaemonServer daemon, Curl curl, string disk, string memory)
    {
        const string Work = "HTTPS upload to a disk, with flush";
        var alone = new List<double>();
        var sink = new List<double>();
        var together = new List<Sample>();
        for (int round = 0; round < Rounds; round++)
        {
            alone.Add(await DiskAloneAsync(place));
            sink.Add((await daemon.Process.MeasureAsync(() => curl.UploadAsync(memory))).Wall);
            together.Add(await daemon.Process.MeasureAsync(() => curl.UploadAsync(disk)));
        }

        board.Add(new Row(Work, "fio, 1 MiB x 4") { GiBPerSecond = GiB / Scoreboard.Median(alone) });
        board.Add(new Row(Work, "imageio into memory") { GiBPerSecond = GiB / Scoreboard.Median(sink) });
        double overlap = Scoreboard.Median(together.Select((sample, i) => Math.Max(alone[i], sink[i]) / sample.Wall));
        board.Add(new Row(Work, "imageio")
        {
            CpuPerGiB = Scoreboard.Median(together.Select(sample => sample.Cpu)) / GiB,
            GiBPerSecond = GiB / Scoreboard.Median(together.Select(sample => sample.Wall)),
            Target = "slower alone >= 0.9",
            Note = string.Create(CultureInfo.InvariantCulture, $"the slower alone by both together: {overlap:F2}"),
        });
    }

    private static async Task<double> DiskAloneAsync(Place place)
    {
        if (!Tool.IsThere("fio"))
        {
            return 0;
        }

        string report = await Tool.RunAsync(
            "fio", "--name=disk", $"--filename={place.DiskImage}", "--rw=write", "--bs=1M", "--iodepth=4",
            "--ioengine=libaio", "--direct=1", $"--size={Place.ImageSize}", "--end_fsync=1", "--output-format=json");
        using var json = JsonDocument.Parse(report[report.IndexOf('{', StringComparison.Ordinal)..]);
        return json.RootElement.GetProperty("jobs")[0].GetProperty("job_runtime").GetDouble() / 1000;
    }

    private static async Task CompareAsync(Scoreboard board, DaemonServer daemon, Curl curl, string what, string url)
    {
        await board.CompareAsync(new Comparison
        {
            Work = $"HTTPS upload to a {what}, no flush",
            Bytes = Place.ImageSize,
            Ours = new("imageio", () => daemon.Process.MeasureAsync(() => curl.UploadAsync($"{url}?flush=n"))),
        });
        await board.CompareAsync(new Comparison
        {
            Work = $"HTTPS download of a {what}",
            Bytes = Place.ImageSize,
            Ours = new("imageio", () => daemon.Process.MeasureAsync(() => curl.DownloadAsync(url, Place.ImageSize, 1))),
        });
    }

    private static async Task LoopAsync(Place place, Scoreboard board, DaemonServer daemon, Curl curl)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new BenchException("only root can make a loop device");
        }

        string device = (await Tool.RunAsync("losetup", "--find", "--show", "--direct-io=on", place.DiskImage)).Trim();
        try
        {
            string url = $"{daemon.Url}/images/{await daemon.TicketAsync(device, Place.ImageSize)}";
            await CompareAsync(board, daemon, curl, "loop device", url);
        }
        finally
        {
            // The daemon may close it later, and the kernel then detaches it at the last close.
            await Tool.RunAsync("losetup", "--detach", device);
        }
    }
}
