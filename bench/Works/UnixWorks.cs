using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>The Unix socket, beside an NBD server over the same kind of socket.</summary>
internal static class UnixWorks
{
    /// <summary>Numbers of connections in the whole table.</summary>
    public static readonly int[] AllConnections = [1, 4];

    /// <summary>Uploads and downloads, to and from memory.</summary>
    public static async Task RunAsync(Place place, Scoreboard board, int[] connectionCounts)
    {
        var curl = new Curl(place);
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
        await using NbdServer? nbd = NbdServer.Name is null ? null : await NbdServer.StartAsync(place, place.Image);
        string image = $"http://localhost/images/{await daemon.TicketAsync(place.Image, Place.ImageSize)}";
        foreach (int connections in connectionCounts)
        {
            string[] nbdcopy = [$"--connections={connections}", "--allocated"];
            await board.CompareAsync(new Comparison
            {
                Work = $"Unix socket upload, {connections} connections",
                Bytes = Place.ImageSize,
                Target = connections == 1 ? "CPU <= 1.0" : "",
                Ours = new("imageio", () => daemon.Process.MeasureAsync(() => connections == 1
                    ? curl.UploadAsync($"{image}?flush=n", daemon.LocalSocket)
                    : curl.UploadPartsAsync(_ => $"{image}?flush=n", connections, toPlaces: true, daemon.LocalSocket))),
                Peer = nbd is null ? null : new($"{NbdServer.Name}, nbdcopy", () => nbd.Process.MeasureAsync(
                    () => Tool.RunAsync("nbdcopy", [.. nbdcopy, place.Source, nbd.Uri]))),
            });
            await board.CompareAsync(new Comparison
            {
                Work = $"Unix socket download, {connections} connections",
                Bytes = Place.ImageSize,
                Target = connections == 1 ? "CPU <= 1.0" : "",
                Ours = new("imageio", () => daemon.Process.MeasureAsync(
                    () => curl.DownloadAsync(image, Place.ImageSize, connections, daemon.LocalSocket))),
                Peer = nbd is null ? null : new($"{NbdServer.Name}, nbdcopy", () => nbd.Process.MeasureAsync(
                    () => Tool.RunAsync("nbdcopy", [.. nbdcopy, nbd.Uri, "null:"]))),
            });
        }

        await LimitAsync(place, board, daemon, curl, image);
    }

    // The same work by a minimal loop in C: the cost of the kernel and of curl for any server.
    private static async Task LimitAsync(Place place, Scoreboard board, DaemonServer daemon, Curl curl, string image)
    {
        await board.TryAsync("Unix socket, a loop in C", async () =>
        {
            await using LoopServer loop = await LoopServer.StartAsync(place, place.Image);
            await board.CompareAsync(new Comparison
            {
                Work = "Unix socket upload, 1 connection, beside the physical limit",
                Bytes = Place.ImageSize,
                Ours = new("imageio", () => daemon.Process.MeasureAsync(
                    () => curl.UploadAsync($"{image}?flush=n", daemon.LocalSocket))),
                Peer = new("loop in C", () => loop.Process.MeasureAsync(
                    () => curl.UploadAsync("http://localhost/", loop.Socket))),
            });
            await board.CompareAsync(new Comparison
            {
                Work = "Unix socket download, 1 connection, beside the physical limit",
                Bytes = Place.ImageSize,
                Ours = new("imageio", () => daemon.Process.MeasureAsync(
                    () => curl.RunAsync(daemon.LocalSocket, image))),
                Peer = new("loop in C", () => loop.Process.MeasureAsync(
                    () => curl.RunAsync(loop.Socket, "http://localhost/"))),
            });
        });
    }
}
