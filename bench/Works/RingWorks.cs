using System.Globalization;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>
/// The effect of buffer size and queue depth: a file on a disk and a loop device, one and eight connections.
/// </summary>
internal static class RingWorks
{
    private const double GiB = Place.ImageSize / (double)(1 << 30);
    private const int Rounds = 3;

    private static readonly int[] SizesKiB = [256, 1024, 4096];
    private static readonly int[] Depths = [1, 2, 4, 8];
    private static readonly int[] Connections = [1, 8];

    /// <summary>Each setting in a daemon of its own; daemon and clients may use all cores.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        string? device = Environment.IsPrivilegedProcess
            ? (await Tool.RunAsync("losetup", "--find", "--show", "--direct-io=on", place.DiskImage)).Trim()
            : null;
        try
        {
            foreach (int size in SizesKiB)
            {
                foreach (int depth in Depths)
                {
                    string ring = $"buffer_size = {size * 1024}\nqueue_depth = {depth}\n";
                    await using DaemonServer daemon = await DaemonServer.StartAsync(
                        place, place.AllCores, $"[backend_file]\n{ring}[backend_block]\n{ring}");
                    await MeasureAsync(place, board, daemon, $"{size} KiB x {depth}, file", place.DiskImage);
                    if (device is not null)
                    {
                        await MeasureAsync(place, board, daemon, $"{size} KiB x {depth}, loop device", device);
                    }
                }
            }
        }
        finally
        {
            if (device is not null)
            {
                await Tool.RunAsync("losetup", "--detach", device);
            }
        }
    }

    private static async Task MeasureAsync(
        Place place, Scoreboard board, DaemonServer daemon, string what, string image)
    {
        var curl = new Curl(place);
        string url = $"{daemon.Url}/images/{await daemon.TicketAsync(image, Place.ImageSize)}";
        foreach (int connections in Connections)
        {
            (double upload, double uploadCpu) = await MedianAsync(daemon, () => connections == 1
                ? curl.UploadAsync(url)
                : curl.UploadPartsAsync(_ => url, connections, toPlaces: true));
            (double download, double downloadCpu) = await MedianAsync(
                daemon, () => curl.DownloadAsync(url, Place.ImageSize, connections));
            board.Add(new Row($"{what}, {connections} connections", "imageio")
            {
                Note = string.Create(
                    CultureInfo.InvariantCulture,
                    $"up {upload:F2} GiB/s, {uploadCpu:F2} CPU s/GiB; down {download:F2} GiB/s, {downloadCpu:F2} "
                        + $"CPU s/GiB"),
            });
        }
    }

    private static async Task<(double GiBPerSecond, double CpuPerGiB)> MedianAsync(DaemonServer daemon, Func<Task> work)
    {
        await work();
        var samples = new List<Sample>();
        for (int round = 0; round < Rounds; round++)
        {
            samples.Add(await daemon.Process.MeasureAsync(work));
        }

        return (GiB / Scoreboard.Median(samples.Select(sample => sample.Wall)),
            Scoreboard.Median(samples.Select(sample => sample.Cpu)) / GiB);
    }
}
