using System.Globalization;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Small requests over eight TLS connections: their rate and their latency.</summary>
internal static class SmallRequestWorks
{
    private const int Connections = 8;

    // Until the hot code has been compiled for it.
    private const int WarmUpSeconds = 25;
    private const int Seconds = 5;

    /// <summary>Server on one core and clients on the other.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
        await RunAsync(place, board, daemon, "imageio", WarmUpSeconds);
    }

    /// <summary>The same with a server that runs already.</summary>
    public static async Task RunAsync(
        Place place, Scoreboard board, DaemonServer daemon, string server, int warmUpSeconds)
    {
        string url = $"{daemon.Url}/images/{await daemon.TicketAsync(place.Image, Place.ImageSize)}";
        var wrk = new Wrk(place, Connections);
        await AddAsync("OPTIONS", "wrk.method = 'OPTIONS'", "31200/s, p99 < 5 ms");
        await AddAsync("GET of 4 KiB", "wrk.headers['Range'] = 'bytes=1048576-1052671'", "5200/s, p99 < 5 ms");

        async Task AddAsync(string name, string script, string target)
        {
            await wrk.RunAsync(url, script, warmUpSeconds);
            double before = daemon.Process.CpuSeconds;
            Wrk.Answer answer = await wrk.RunAsync(url, script, Seconds);
            double spent = daemon.Process.CpuSeconds - before;
            board.Add(new Row($"{name}, {Connections} TLS connections", server)
            {
                Target = target,
                Figures = new Dictionary<string, double>
                {
                    ["requests/s"] = answer.PerSecond,
                    ["p50 ms"] = answer.Median,
                    ["p99 ms"] = answer.Slowest,
                    ["CPU us each"] = spent / answer.Requests * 1e6,
                },
                Note = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{answer.PerSecond:F0}/s, p50 {answer.Median:F2} ms, p99 {answer.Slowest:F2} ms, server's CPU "
                        + $"{spent / answer.Requests * 1e6:F0} us each"),
            });
        }
    }
}
