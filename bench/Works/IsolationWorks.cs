using System.Diagnostics;
using System.Globalization;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>The cost of stalled clients, and of hung storage, for the other clients of the daemon.</summary>
internal static class IsolationWorks
{
    private const int Group = 64;
    private const int HungCalls = 200;
    private const int HungImages = 25;
    private const int SmallRequests = 1000;
    private const int Uploads = 3;

    /// <summary>Alone; then beside stalled clients; then beside clients of hung storage.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
        string target = Path.Combine(place.Memory, "target");
        await CreateAsync(target, Place.ImageSize);
        string other = await daemon.TicketAsync(target, Place.ImageSize);
        double alone = await MeasureAsync(place, board, daemon, other, "alone", speedAlone: null);

        await using (StalledClients stalled = await StalledClients.StartAsync(place, daemon, Group))
        {
            string what = $"{Group} stalled downloads, {Group} stalled uploads, {Group} drips";
            await MeasureAsync(place, board, daemon, other, what, alone);
            AddMemory(board, daemon, what, 3 * Group);
            stalled.ThrowIfOneEnded();
        }

        await using FrozenStorage storage = await FrozenStorage.StartAsync(place, HungImages);
        await using HungRequests hung = await HungRequests.StartAsync(daemon, storage, HungCalls);
        string calls = $"{HungCalls} calls hung in one storage";
        await MeasureAsync(place, board, daemon, other, calls, alone);
        double slowest = 0;
        for (int i = 0; i < 20; i++)
        {
            slowest = Math.Max(slowest, await daemon.HealthSecondsAsync());
        }

        board.Add(new Row($"/health/live, {calls}", "imageio")
        {
            Target = "< 50 ms",
            Note = Text($"slowest of 20: {slowest * 1000:F1} ms"),
        });
        AddMemory(board, daemon, calls, HungCalls);
        hung.ThrowIfOneEnded();
    }

    /// <summary>A line with 4 KiB reads and one with uploads.</summary>
    /// <returns>GiB per second of an upload.</returns>
    private static async Task<double> MeasureAsync(
        Place place, Scoreboard board, DaemonServer daemon, string id, string beside, double? speedAlone)
    {
        double[] milliseconds = await ReadAsync(daemon, id);
        board.Add(new Row($"4 KiB GET, {beside}", "imageio")
        {
            Target = speedAlone is null ? "" : "p99 < 50 ms",
            Note = Text(
                $"p50 {milliseconds[SmallRequests / 2]:F2} ms, p99 {milliseconds[SmallRequests * 99 / 100]:F2} ms"),
        });

        var curl = new Curl(place);
        string url = $"{daemon.Url}/images/{id}?flush=n";
        var speeds = new List<double>();
        for (int round = 0; round <= Uploads; round++)
        {
            Sample sample = await daemon.Process.MeasureAsync(async () =>
            {
                await curl.UploadAsync(url);
                await curl.UploadAsync(url);
            });
            if (round > 0)
            {
                speeds.Add(2 * Place.ImageSize / (double)(1 << 30) / sample.Wall);
            }
        }

        double speed = Scoreboard.Median(speeds);
        board.Add(new Row($"1 GiB upload, {beside}", "imageio")
        {
            GiBPerSecond = speed,
            Target = speedAlone is null ? "" : ">= 0.8 x its speed alone",
            Note = speedAlone is null ? "" : Text($"{speed / speedAlone:F2} x its speed alone"),
        });
        return speed;
    }

    private static async Task<double[]> ReadAsync(DaemonServer daemon, string id)
    {
        byte[] request = RequestClient.Head($"GET /images/{id}", "Range: bytes=4096-8191");
        using RequestClient client = await RequestClient.ConnectAsync(new Uri(daemon.Url));
        client.Exchange(request);
        double[] milliseconds = new double[SmallRequests];
        for (int i = 0; i < SmallRequests; i++)
        {
            long started = Stopwatch.GetTimestamp();
            client.Exchange(request);
            milliseconds[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }

        Array.Sort(milliseconds);
        return milliseconds;
    }

    // The ceiling of docs/configuration.md: process, pool, connections, threads, gathered bodies.
    private static void AddMemory(Scoreboard board, DaemonServer daemon, string beside, int connections) =>
        board.Add(new Row($"memory, peak, {beside}", "imageio")
        {
            Target = Text($"< {60 + 64 + (0.25 * connections) + 30 + 8:F0} MiB, the documented ceiling"),
            Note = Text($"{daemon.Process.PeakMiB:F0} MiB"),
        });

    private static async Task CreateAsync(string path, long size)
    {
        await using FileStream file = File.Create(path);
        file.SetLength(size);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
