using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>OPTIONS and reads of 4 KiB over eight TLS connections: how many a second, and how long one takes.</summary>
internal static class SmallRequestWorks
{
    private const int Connections = 8;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(5);

    /// <summary>Server on one core and clients on the other.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
        string id = await daemon.TicketAsync(place.Image, Place.ImageSize);
        await AddAsync(board, daemon, "OPTIONS", $"OPTIONS /images/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n", "31200/s, p99 < 5 ms");
        await AddAsync(
            board, daemon, "GET of 4 KiB", $"GET /images/{id} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=1048576-1052671\r\n\r\n", "5200/s, p99 < 5 ms");
    }

    private static async Task AddAsync(Scoreboard board, DaemonServer daemon, string name, string request, string target)
    {
        var server = new Uri(daemon.Url);
        byte[] bytes = Encoding.ASCII.GetBytes(request);
        var latencies = new ConcurrentBag<List<double>>();
        long started = Stopwatch.GetTimestamp();
        double cpuBefore = 0;
        Task cpu = Task.Run(async () =>
        {
            await Task.Delay(WarmUp);
            cpuBefore = daemon.Process.CpuSeconds;
        });
        // A thread for each connection, with blocking calls: the cheapest client there is.
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Factory.StartNew(
            async () =>
            {
                using RequestClient client = await RequestClient.ConnectAsync(server);
                latencies.Add(Run(client, bytes, started));
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).Unwrap()));
        await cpu;
        double spent = daemon.Process.CpuSeconds - cpuBefore;
        double[] all = [.. latencies.SelectMany(list => list).Order()];
        board.Add(new Row($"{name}, {Connections} TLS connections", "imageio")
        {
            Target = target,
            Note = string.Create(
                CultureInfo.InvariantCulture,
                $"{all.Length / Measured.TotalSeconds:F0}/s, p50 {all[all.Length / 2] * 1000:F2} ms, p99 {all[all.Length * 99 / 100] * 1000:F2} ms, server's CPU {spent / all.Length * 1e6:F0} us each"),
        });
    }

    // Seconds of each request that began after the warm-up.
    private static List<double> Run(RequestClient client, byte[] request, long started)
    {
        var seconds = new List<double>();
        while (true)
        {
            long before = Stopwatch.GetTimestamp();
            TimeSpan elapsed = Stopwatch.GetElapsedTime(started, before);
            if (elapsed > WarmUp + Measured)
            {
                return seconds;
            }

            client.Exchange(request);
            if (elapsed > WarmUp)
            {
                seconds.Add(Stopwatch.GetElapsedTime(before).TotalSeconds);
            }
        }
    }
}
