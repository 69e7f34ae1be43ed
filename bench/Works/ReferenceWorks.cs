using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>
/// The reference server as the peer: the program in <c>REFERENCE</c>, with the same configuration, tickets, images,
/// certificate and client.
/// </summary>
internal static class ReferenceWorks
{
    // For a reference that compiles its code at run time, like ours.
    private const int WarmUpSeconds = 10;

    private static readonly int[] Connections = [1, 4, 8];

    /// <summary>Every row that both can do.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        string program = Environment.GetEnvironmentVariable("REFERENCE") is { Length: > 0 } named
            ? Tool.Path(named) ?? named
            : throw new BenchException("REFERENCE names no program");
        string name = $"reference, {Path.GetFileName(program)}";
        await TransferAsync(place, board, program, name);
        await ChecksumAsync(place, board, program, name);
        await using DaemonServer reference = await DaemonServer.StartOtherAsync(place, place.ServerCore, program);
        ProcessWorks.AddIdle(board, reference, name, target: "");
        await SmallRequestWorks.RunAsync(place, board, reference, name, WarmUpSeconds);
    }

    // The server has one core, the client the other.
    private static async Task TransferAsync(Place place, Scoreboard board, string program, string name)
    {
        var curl = new Curl(place);
        await using DaemonServer ours = await DaemonServer.StartAsync(place, place.ServerCore);
        await using DaemonServer reference = await DaemonServer.StartOtherAsync(place, place.ServerCore, program);
        string our = $"/images/{await ours.TicketAsync(place.Image, Place.ImageSize)}";
        string its = $"/images/{await reference.TicketAsync(place.Image, Place.ImageSize)}";
        foreach (int count in Connections)
        {
            foreach (bool local in new[] { false, true })
            {
                string way = local ? "Unix socket" : "HTTPS";
                await CompareAsync($"{way} upload, {count} connections", (daemon, path) => count == 1
                    ? curl.UploadAsync(Url(daemon, path, local) + "?flush=n", Socket(daemon, local))
                    : curl.UploadPartsAsync(
                        _ => Url(daemon, path, local) + "?flush=n", count, toPlaces: true, Socket(daemon, local)));
                await CompareAsync($"{way} download, {count} connections", (daemon, path) => curl.DownloadAsync(
                    Url(daemon, path, local), Place.ImageSize, count, Socket(daemon, local)));
            }
        }

        Task CompareAsync(string work, Func<DaemonServer, string, Task> run) => board.CompareAsync(new Comparison
        {
            Work = $"{work}, beside the reference",
            Bytes = Place.ImageSize,
            Ours = new("imageio", () => ours.Process.MeasureAsync(() => run(ours, our))),
            Peer = new(name, () => reference.Process.MeasureAsync(() => run(reference, its))),
        });
    }

    // Both have all cores.
    private static async Task ChecksumAsync(Place place, Scoreboard board, string program, string name)
    {
        var curl = new Curl(place);
        await using DaemonServer ours = await DaemonServer.StartAsync(place, place.AllCores);
        await using DaemonServer reference = await DaemonServer.StartOtherAsync(place, place.AllCores, program);
        string our = $"{ours.Url}/images/{await ours.TicketAsync(place.Image, Place.ImageSize)}/checksum";
        string its = $"{reference.Url}/images/{await reference.TicketAsync(place.Image, Place.ImageSize)}/checksum";
        await board.CompareAsync(new Comparison
        {
            Work = "checksum, blake2b, beside the reference",
            Bytes = Place.ImageSize,
            Target = "CPU <= 1.0, wall <= 0.5",
            Ours = new("imageio", () => ours.Process.MeasureAsync(() => curl.RunAsync(null, our))),
            Peer = new(name, () => reference.Process.MeasureAsync(() => curl.RunAsync(null, its))),
        });
    }

    private static string Url(DaemonServer daemon, string path, bool local) =>
        (local ? "http://localhost" : daemon.Url) + path;

    private static string? Socket(DaemonServer daemon, bool local) => local ? daemon.LocalSocket : null;
}
