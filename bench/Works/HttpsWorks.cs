using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Uploads and downloads over HTTPS, to and from memory, for the cost of the network's side.</summary>
internal static class HttpsWorks
{
    /// <summary>Numbers of connections in the whole table.</summary>
    public static readonly int[] AllConnections = [1, 4, 8];

    /// <summary>PUT, beside nginx's PUT by DAV.</summary>
    public static async Task UploadAsync(Place place, Scoreboard board, int[] connectionCounts)
    {
        var curl = new Curl(place);
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
        await using NginxServer nginx = await NginxServer.StartAsync(place, place.ServerCore);
        string image = $"{daemon.Url}/images/{await daemon.TicketAsync(place.Image, Place.ImageSize)}?flush=n";
        foreach (int connections in connectionCounts)
        {
            await board.CompareAsync(new Comparison
            {
                Work = $"HTTPS upload, {connections} connections",
                Bytes = Place.ImageSize,
                Target = connections == 1 ? "CPU <= 1.2" : "",
                Ours = new("imageio", () => daemon.Process.MeasureAsync(() => connections == 1
                    ? curl.UploadAsync(image)
                    : curl.UploadPartsAsync(_ => image, connections, toPlaces: true))),
                Peer = new("nginx PUT", () => nginx.Process.MeasureAsync(() => connections == 1
                    ? curl.UploadAsync($"{nginx.Url}/put")
                    : curl.UploadPartsAsync(part => $"{nginx.Url}/put-{part}", connections, toPlaces: false))),
            });
        }
    }

    /// <summary>GET, beside nginx's.</summary>
    public static async Task DownloadAsync(Place place, Scoreboard board, int[] connectionCounts)
    {
        var curl = new Curl(place);
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.ServerCore);
        await using NginxServer nginx = await NginxServer.StartAsync(place, place.ServerCore);
        string image = $"{daemon.Url}/images/{await daemon.TicketAsync(place.Image, Place.ImageSize)}";
        foreach (int connections in connectionCounts)
        {
            await board.CompareAsync(new Comparison
            {
                Work = $"HTTPS download, {connections} connections",
                Bytes = Place.ImageSize,
                Target = connections == 1 ? "CPU <= 1.15" : "",
                Ours = new("imageio", () => daemon.Process.MeasureAsync(
                    () => curl.DownloadAsync(image, Place.ImageSize, connections))),
                Peer = new("nginx GET", () => nginx.Process.MeasureAsync(
                    () => curl.DownloadAsync($"{nginx.Url}/image", Place.ImageSize, connections))),
            });
        }
    }
}
