using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>The Unix socket, beside an NBD server over the same kind of socket.</summary>
internal static class UnixWorks
{
    private static readonly int[] Connections = [1, 4];

    /// <summary>Uploads and downloads, to and from memory.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        var curl = new Curl(place);
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
        await using NbdServer? nbd = NbdServer.Name is null ? null : await NbdServer.StartAsync(place, place.Image);
        string image = $"http://localhost/images/{await daemon.TicketAsync(place.Image, Place.ImageSize)}";
        foreach (int connections in Connections)
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
    }
}
