using System.Globalization;
using System.Text.Json;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>A backup of a 1 TiB file with one GiB of data: the extents, then the ranges with data.</summary>
internal static class SparseWorks
{
    private const long ImageSize = 1L << 40;
    private const int Pieces = 16;
    private const long PieceSize = Place.ImageSize / Pieces;

    /// <summary>Beside an image with the same data alone.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        string sparse = Path.Combine(place.Disk, "sparse");
        await MakeAsync(place.Source, sparse);
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
        var curl = new Curl(place);
        string url = $"{daemon.Url}/images/{await daemon.TicketAsync(sparse, ImageSize)}";
        string data = $"{daemon.Url}/images/{await daemon.TicketAsync(place.DiskImage, Place.ImageSize)}";
        await board.CompareAsync(new Comparison
        {
            Work = $"1 TiB with {Pieces} pieces of data, extents and download",
            Bytes = Place.ImageSize,
            Target = "wall <= 1.2",
            Ours = new("imageio", () => daemon.Process.MeasureAsync(() => DownloadDataAsync(place, curl, url))),
            Peer = new("imageio, data only", () => daemon.Process.MeasureAsync(
                () => curl.DownloadAsync(data, Place.ImageSize, 1))),
        });
    }

    private static async Task MakeAsync(string source, string sparse)
    {
        byte[] piece = new byte[PieceSize];
        await using FileStream from = File.OpenRead(source);
        await using FileStream to = File.Create(sparse);
        to.SetLength(ImageSize);
        for (int i = 0; i < Pieces; i++)
        {
            await from.ReadExactlyAsync(piece);
            to.Position = ImageSize / Pieces * i;
            await to.WriteAsync(piece);
        }

        to.Flush(flushToDisk: true);
    }

    // One curl for all ranges, so that they share a connection as a client's would.
    private static async Task DownloadDataAsync(Place place, Curl curl, string url)
    {
        string answer = Path.Combine(place.Memory, "extents");
        await Tool.RunAsync(
            "curl", "-sS", "--fail", "--cacert", place.AuthorityFile, "--output", answer, $"{url}/extents");
        using var extents = JsonDocument.Parse(await File.ReadAllTextAsync(answer));
        var ranges = new List<string>();
        foreach (JsonElement extent in extents.RootElement.EnumerateArray())
        {
            if (!extent.GetProperty("zero").GetBoolean())
            {
                long start = extent.GetProperty("start").GetInt64();
                long last = start + extent.GetProperty("length").GetInt64() - 1;
                ranges.Add(string.Create(CultureInfo.InvariantCulture, $"{start}-{last}"));
            }
        }

        if (ranges.Count != Pieces)
        {
            throw new BenchException($"the extents show {ranges.Count} pieces of data, there are {Pieces}");
        }

        string[] more = [.. ranges.Skip(1).SelectMany(range => new[]
        {
            "--next", "--silent",
            "--show-error", "--fail", "--output", "/dev/null", "--cacert", place.AuthorityFile, "--range", range, url,
        })];
        await curl.RunAsync(null, url, ["--range", ranges[0], url, .. more[..^1]]);
    }
}
