using System.Globalization;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>The extents of an image in 2 million pieces, which nbdkit makes up, beside nbdinfo.</summary>
internal static class NbdExtentWorks
{
    private const int Lines = 1_000_000;
    private const long Piece = 64 * 1024;
    private const long Size = 2L * Lines * Piece;
    private const int Rounds = 5;

    /// <summary>When the first byte comes, how long all take, and how much memory it costs.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        string list = Path.Combine(place.Memory, "nbd-extents");
        try
        {
            // Holes are named, too: nbdkit takes minutes to find out a million of them.
            await File.WriteAllLinesAsync(list, Enumerable.Range(0, 2 * Lines).Select(i => string.Create(
                CultureInfo.InvariantCulture, $"{i * Piece} {Piece} {(i % 2 == 0 ? "hole,zero" : "")}")));
            await using NbdServer server = await NbdServer.NbdKitAsync(
                place, place.AllCores, "--filter=extentlist", "null", $"{Size}", $"extentlist={list}");
            await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.AllCores);
            string image = $"http://localhost/images/{await daemon.TicketForUrlAsync(server.TicketUrl, Size)}";
            string first = await daemon.TicketForUrlAsync(server.TicketUrl, 64 * 1024 * Piece);
            await ExtentsAsync(daemon, $"http://localhost/images/{first}");
            double before = daemon.Process.ResidentMiB;
            await MeasureAsync(board, daemon, server, image, before);
        }
        finally
        {
            File.Delete(list);
        }
    }

    private static async Task MeasureAsync(
        Scoreboard board, DaemonServer daemon, NbdServer server, string image, double before)
    {
        var first = new List<double>();
        var total = new List<double>();
        var peer = new List<double>();
        for (int round = 0; round < Rounds; round++)
        {
            (double toFirst, double toLast) = await ExtentsAsync(daemon, image);
            first.Add(toFirst);
            total.Add(toLast);
            Sample info = await server.Process.MeasureAsync(
                () => Tool.RunAsync("nbdinfo", "--map", "--totals", server.Uri));
            peer.Add(info.Wall);
        }

        board.Add(new Row("NBD: 2 million extents", "imageio")
        {
            WallRatio = Scoreboard.Median(total.Zip(peer, (ours, its) => ours / its)),
            Target = "wall <= 1.2, first < 0.2 s, growth < 16 MiB",
            Figures = new Dictionary<string, double>
            {
                ["first byte s"] = Scoreboard.Median(first),
                ["all s"] = Scoreboard.Median(total),
                ["growth MiB"] = daemon.Process.PeakMiB - before,
            },
            Note = string.Create(
                CultureInfo.InvariantCulture,
                $"first byte {Scoreboard.Median(first):F2} s, all {Scoreboard.Median(total):F2} s, "
                + $"nbdinfo {Scoreboard.Median(peer):F2} s, "
                + $"memory {before:F0} MiB before, {daemon.Process.PeakMiB:F0} at most"),
        });
    }

    private static async Task<(double First, double Total)> ExtentsAsync(DaemonServer daemon, string image)
    {
        string times = await Tool.RunAsync(
            "curl", "-sSf", "-o", "/dev/null", "--write-out", "%{time_starttransfer} %{time_total}",
            "--unix-socket", daemon.LocalSocket, $"{image}/extents");
        double[] seconds = [.. times.Split(' ').Select(time => double.Parse(time, CultureInfo.InvariantCulture))];
        return (seconds[0], seconds[1]);
    }
}
