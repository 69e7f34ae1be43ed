using System.Diagnostics;
using System.Globalization;
using System.Text;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Start, memory, and many connections.</summary>
internal static class ProcessWorks
{
    private const int Transfers = 64;
    private const int MostConnections = 1000;

    /// <summary>All of it, with a daemon that may use all cores.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        await StartAndIdleAsync(place, board);
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.AllCores);
        string id = await daemon.TicketAsync(place.Image, Place.ImageSize);
        await TransferAsync(place, board, daemon, id);
        await ConnectAsync(board, daemon, id);
    }

    /// <summary>Five starts, and the memory of an idle daemon.</summary>
    public static async Task StartAndIdleAsync(Place place, Scoreboard board)
    {
        var starts = new List<double>();
        for (int i = 0; i < 5; i++)
        {
            long before = Stopwatch.GetTimestamp();
            await using DaemonServer started = await DaemonServer.StartAsync(place, place.AllCores);
            starts.Add(Stopwatch.GetElapsedTime(before).TotalSeconds);
        }

        double start = Scoreboard.Median(starts);
        board.Add(new Row("start to ready", "imageio")
        {
            Target = "< 0.5 s",
            Note = Text($"{start:F2} s"),
            Figures = new Dictionary<string, double> { ["s"] = start },
        });
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.AllCores);
        AddIdle(board, daemon, "imageio", "< 60 MiB");
    }

    /// <summary>The resident memory of an idle server.</summary>
    public static void AddIdle(Scoreboard board, DaemonServer daemon, string server, string target)
    {
        double idle = daemon.Process.ResidentMiB;
        board.Add(new Row("memory, idle", server)
        {
            Target = target,
            Note = Text($"{idle:F0} MiB"),
            Figures = new Dictionary<string, double> { ["MiB"] = idle },
        });
    }

    private static async Task TransferAsync(Place place, Scoreboard board, DaemonServer daemon, string id)
    {
        var curl = new Curl(place);
        string url = $"{daemon.Url}/images/{id}";
        await Task.WhenAll(
            curl.DownloadAsync(url, Place.ImageSize, Transfers / 2),
            curl.UploadPartsAsync(_ => $"{url}?flush=n", 8, toPlaces: true),
            curl.DownloadAsync(url, Place.ImageSize, (Transfers / 2) - 8));
        board.Add(new Row($"memory, peak with {Transfers} transfers", "imageio")
        {
            Target = "< 128 MiB + 0.5 MiB for each connection",
            Note = Text($"{daemon.Process.PeakMiB:F0} MiB"),
            Figures = new Dictionary<string, double> { ["MiB"] = daemon.Process.PeakMiB },
        });
    }

    // Open at once, each with an answered request.
    private static async Task ConnectAsync(Scoreboard board, DaemonServer daemon, string id)
    {
        var server = new Uri(daemon.Url);
        byte[] request = Encoding.ASCII.GetBytes($"OPTIONS /images/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var clients = new List<RequestClient>();
        try
        {
            foreach (int count in new[] { 1, 10, 100, MostConnections })
            {
                double cpu = daemon.Process.CpuSeconds;
                int before = clients.Count;
                long started = Stopwatch.GetTimestamp();
                while (clients.Count < count)
                {
                    RequestClient client = await RequestClient.ConnectAsync(server);
                    clients.Add(client);
                    client.Exchange(request);
                }

                double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
                board.Add(new Row($"{count} connections", "imageio")
                {
                    Note = string.Create(
                        CultureInfo.InvariantCulture,
                        $"{(count - before) / seconds:F0} new ones/s, "
                        + $"{(daemon.Process.CpuSeconds - cpu) / (count - before) * 1000:F1} ms CPU each, "
                        + $"{daemon.Process.ResidentMiB:F0} MiB"),
                });
            }
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
