using System.Diagnostics;
using System.Globalization;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>
/// A user's view: the time from the ticket to the first and to the last byte of a sparse upload over a slow and distant
/// link, to the daemon and through the proxy, beside curl to nginx.
/// </summary>
internal static class FarWorks
{
    private const long Size = 1L << 30;

    // One mebibyte of every eight.
    private const long Step = 8L << 20;
    private const int Data = 1 << 20;
    private const int Rounds = 3;

    public static async Task RunAsync(Place place, Scoreboard board)
    {
        string program = ClientWorks.FindProgram();
        await using FarLink link = await FarLink.StartAsync(place);
        string source = await SparseAsync(place);
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, link.Servers);
        await using ProxyServer proxy = await ProxyServer.StartAsync(place, link.Servers);
        await using NginxServer nginx = await NginxServer.StartAsync(place, link.Servers);
        string target = Path.Combine(place.Memory, "far-target");
        await AddAsync("imageio upload to the daemon", async () =>
            await UploadAsync(await DirectAsync()));
        await AddAsync("imageio upload through the proxy", async () =>
            await UploadAsync(await ThroughProxyAsync()));
        await AddAsync("curl to the daemon", async () =>
            await CurlAsync($"{await DirectAsync()}?flush=y"));
        await AddAsync("curl through the proxy", async () =>
            await CurlAsync($"{await ThroughProxyAsync()}?flush=y"));
        await AddAsync("curl to nginx", () => CurlAsync($"{nginx.Url}/far"));

        async Task<string> DirectAsync()
        {
            await EmptyAsync(target);
            return $"{daemon.Url}/images/{await daemon.TicketAsync(target, Size)}";
        }

        async Task<string> ThroughProxyAsync()
        {
            await EmptyAsync(target);
            string id = await daemon.TicketAsync(target, Size);
            await proxy.InstallAsync(place, id, daemon.Url);
            return $"{proxy.Url}/images/{id}";
        }

        // Our client does not report when its first byte leaves.
        async Task<double?> UploadAsync(string url)
        {
            await link.RunAsync(program, "upload", "--cafile", place.AuthorityFile, source, url);
            return null;
        }

        async Task<double?> CurlAsync(string url) => double.Parse(
            await link.RunAsync(
                "curl", "--silent", "--show-error", "--fail", "--output", "/dev/null", "--cacert", place.AuthorityFile,
                "--upload-file", source, "--write-out", "%{time_pretransfer}", url),
            CultureInfo.InvariantCulture);

        async Task AddAsync(string name, Func<Task<double?>> run)
        {
            var lasts = new List<double>();
            var firsts = new List<double>();
            for (int round = 0; round < Rounds; round++)
            {
                long started = Stopwatch.GetTimestamp();
                double? connected = await run();
                lasts.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
                if (connected is { } seconds)
                {
                    firsts.Add(seconds);
                }
            }

            AddRow(board, name, firsts.Count == 0 ? null : Scoreboard.Median(firsts), Scoreboard.Median(lasts));
        }
    }

    private static void AddRow(Scoreboard board, string name, double? first, double last)
    {
        var figures = new Dictionary<string, double> { ["s to the last byte"] = last };
        string text = string.Create(CultureInfo.InvariantCulture, $"{last:F2} s to the last byte");
        if (first is { } seconds)
        {
            figures["s to the first byte"] = seconds;
            text += string.Create(CultureInfo.InvariantCulture, $", {seconds:F3} s from connecting to the first");
        }

        board.Add(new Row($"1 GiB with 128 MiB of data over {FarLink.Name}", name) { Note = text, Figures = figures });
    }

    private static async Task<string> SparseAsync(Place place)
    {
        string source = Path.Combine(place.Memory, "far-source");
        byte[] data = new byte[Data];
        await using FileStream stream = File.Create(source);
        stream.SetLength(Size);
        for (long offset = 0; offset < Size; offset += Step)
        {
            Random.Shared.NextBytes(data);
            stream.Position = offset;
            await stream.WriteAsync(data);
        }

        return source;
    }

    private static async Task EmptyAsync(string target)
    {
        await using FileStream stream = File.Create(target);
        stream.SetLength(Size);
    }
}
