using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Through the proxy, TLS on both sides, beside nginx in front of the same daemon.</summary>
internal static class ProxyWorks
{
    /// <summary>The daemon has the clients' core, so that the proxy's core is its own.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        await using DaemonServer daemon = await DaemonServer.StartAsync(place, cores: "1");
        await using ProxyServer proxy = await ProxyServer.StartAsync(place);
        await using NginxServer nginx = await NginxServer.StartAsync(place, place.ServerCore, daemon.Url);
        string id = await daemon.TicketAsync(place.Image, Place.ImageSize);
        await proxy.InstallAsync(place, id, daemon.Url);
        var curl = new Curl(place);
        await board.CompareAsync(new Comparison
        {
            Work = "upload through the proxy",
            Bytes = Place.ImageSize,
            Target = "wall <= 1.1, CPU <= 1.2",
            Ours = new("imageio", () => proxy.Process.MeasureAsync(() => curl.UploadAsync(
                $"{proxy.Url}/images/{id}?flush=n"))),
            Peer = new("nginx proxy_pass", () => nginx.Process.MeasureAsync(
                () => curl.UploadAsync($"{nginx.Url}/images/{id}?flush=n"))),
        });
        await board.CompareAsync(new Comparison
        {
            Work = "download through the proxy",
            Bytes = Place.ImageSize,
            Target = "wall <= 1.1, CPU <= 1.5",
            Ours = new("imageio", () => proxy.Process.MeasureAsync(
                () => curl.DownloadAsync($"{proxy.Url}/images/{id}", Place.ImageSize, 1))),
            Peer = new("nginx proxy_pass", () => nginx.Process.MeasureAsync(
                () => curl.DownloadAsync($"{nginx.Url}/images/{id}", Place.ImageSize, 1))),
        });
    }
}
