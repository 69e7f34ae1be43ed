using System.Globalization;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Work on an image that moves no bytes: checksum, zero, extents.</summary>
internal static class ImageWorks
{
    private static readonly string[] Algorithms = ["blake2b", "blake3", "sha256"];

    /// <summary>The checksum with one core and with all; zeroing; the extents of an image full of data.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        await ChecksumAsync(place, board, Algorithms);
        await using DaemonServer one = await DaemonServer.StartAsync(place, place.ServerCore);
        var curl = new Curl(place);
        string image = $"{one.Url}/images/{await one.TicketAsync(place.Image, Place.ImageSize)}";
        await board.CompareAsync(new Comparison
        {
            Work = "extents of an image full of data",
            Bytes = Place.ImageSize,
            Ours = new("imageio", () => one.Process.MeasureAsync(() => curl.RunAsync(null, $"{image}/extents"))),
        });
        string zeroed = Path.Combine(place.Disk, "zeroed");
        await Tool.RunAsync("cp", place.Source, zeroed);
        string zero = $"{one.Url}/images/{await one.TicketAsync(zeroed, Place.ImageSize)}";
        string body = $$"""{"op": "zero", "offset": 0, "size": {{Place.ImageSize}}, "flush": true}""";
        await board.CompareAsync(new Comparison
        {
            Work = "zero, with flush",
            Bytes = Place.ImageSize,
            Ours = new("imageio", () => one.Process.MeasureAsync(
                () => curl.RunAsync(
                    null, zero, "--request", "PATCH", "--header", "Content-Type: application/json", "--data", body))),
        });
    }

    /// <summary>Checksums with one core and with all.</summary>
    public static async Task ChecksumAsync(Place place, Scoreboard board, string[] algorithms)
    {
        await using DaemonServer all = await DaemonServer.StartAsync(place, place.AllCores);
        await using DaemonServer one = await DaemonServer.StartAsync(place, place.ServerCore);
        var curl = new Curl(place);
        string image = $"{one.Url}/images/{await one.TicketAsync(place.Image, Place.ImageSize)}";
        string shared = $"{all.Url}/images/{await all.TicketAsync(place.Image, Place.ImageSize)}";
        foreach (string algorithm in algorithms)
        {
            string query = $"checksum?algorithm={algorithm}";
            await board.CompareAsync(new Comparison
            {
                Work = $"checksum, {algorithm}",
                Bytes = Place.ImageSize,
                Target = string.Create(CultureInfo.InvariantCulture, $"wall <= {1 / 1.8:F2}"),
                Ours = new($"imageio, {MachineFacts.Cores} cores", () => all.Process.MeasureAsync(
                    () => curl.RunAsync(null, $"{shared}/{query}"))),
                Peer = new("imageio, one core", () => one.Process.MeasureAsync(
                    () => curl.RunAsync(null, $"{image}/{query}"))),
            });
        }
    }
}
