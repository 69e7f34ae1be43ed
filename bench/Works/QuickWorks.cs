using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>One figure of each kind in less than 90 seconds, for bench/compare before and after a change.</summary>
internal static class QuickWorks
{
    public const int Rounds = 3;

    // Not all code has its final form by then, but always the same part.
    private const int WarmUpSeconds = 5;

    private static readonly int[] One = [1];

    public static async Task RunAsync(Place place, Scoreboard board)
    {
        await board.TryAsync("upload", () => HttpsWorks.UploadAsync(place, board, One));
        await board.TryAsync("download", () => HttpsWorks.DownloadAsync(place, board, One));
        await board.TryAsync("unix", () => UnixWorks.RunAsync(place, board, One));
        await board.TryAsync("image", () => ImageWorks.ChecksumAsync(place, board, ["blake2b"]));
        await board.TryAsync("small", async () =>
        {
            await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
            await SmallRequestWorks.RunAsync(place, board, daemon, "imageio", WarmUpSeconds);
        });
        await board.TryAsync("process", () => ProcessWorks.StartAndIdleAsync(place, board));
    }
}
