using System.Diagnostics;
using System.Globalization;
using System.Text;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Requests of 4 KiB in turn on one Unix connection: the time of each through daemon and NBD server.</summary>
internal static class NbdSmallWorks
{
    private const int Length = 4096;
    private const int Requests = 4000;

    // Until the hot code has been compiled for it.
    private const int WarmUp = 40_000;

    /// <summary>Reads and writes at changing offsets.</summary>
    public static async Task RunAsync(Scoreboard board, DaemonServer daemon, NbdServer server, long size)
    {
        string path = $"/images/{await daemon.TicketForUrlAsync(server.TicketUrl, size)}";
        using RequestClient client = RequestClient.Connect(daemon.LocalSocket);
        byte[] body = new byte[Length];
        Measure("GET", 183, offset => Encoding.ASCII.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes={offset}-{offset + Length - 1}\r\n\r\n"));
        Measure("PUT", 238, offset =>
        [
            .. Encoding.ASCII.GetBytes(
                $"PUT {path}?flush=n HTTP/1.1\r\nHost: localhost\r\n"
                + $"Content-Range: bytes {offset}-{offset + Length - 1}/*\r\nContent-Length: {Length}\r\n\r\n"),
            .. body,
        ]);

        void Measure(string method, int target, Func<long, byte[]> request)
        {
            byte[][] requests = [.. Enumerable.Range(0, 256).Select(i => request(i * (size / 256)))];
            for (int i = 0; i < WarmUp; i++)
            {
                client.Exchange(requests[i % requests.Length]);
            }

            double[] times = new double[Requests];
            double before = daemon.Process.CpuSeconds;
            for (int i = 0; i < Requests; i++)
            {
                long started = Stopwatch.GetTimestamp();
                client.Exchange(requests[i % requests.Length]);
                times[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
            }

            double cpu = (daemon.Process.CpuSeconds - before) / Requests * 1e6;
            Array.Sort(times);
            board.Add(new Row($"NBD: {method} of 4 KiB, 1 connection", "imageio")
            {
                Target = $"p50 <= {target} us",
                Figures = new Dictionary<string, double>
                {
                    ["p50 us"] = times[Requests / 2],
                    ["p99 us"] = times[Requests * 99 / 100],
                    ["CPU us each"] = cpu,
                },
                Note = string.Create(
                    CultureInfo.InvariantCulture,
                    $"p50 {times[Requests / 2]:F0} us, p99 {times[Requests * 99 / 100]:F0} us, "
                    + $"server's CPU {cpu:F0} us each"),
            });
        }
    }
}
