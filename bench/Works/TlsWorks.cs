using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>Uploads and downloads over HTTPS with OpenSSL as transport, beside the same daemon with .NET's.</summary>
internal static class TlsWorks
{
    /// <summary>To and from memory, over one connection.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        var curl = new Curl(place);
        await using DaemonServer openSsl = await DaemonServer.StartAsync(place, place.ServerCore, "[tls]\ntransport = openssl\n");
        await using DaemonServer dotNet = await DaemonServer.StartAsync(place, place.ServerCore, "[tls]\ntransport = dotnet\n");
        string ours = $"{openSsl.Url}/images/{await openSsl.TicketAsync(place.Image, Place.ImageSize)}";
        string theirs = $"{dotNet.Url}/images/{await dotNet.TicketAsync(place.Image, Place.ImageSize)}";
        await CompareAsync("upload", "CPU <= 0.80", url => curl.UploadAsync($"{url}?flush=n"));
        await CompareAsync("download", "CPU <= 0.92", url => curl.DownloadAsync(url, Place.ImageSize, 1));

        Task CompareAsync(string what, string target, Func<string, Task> work) => board.CompareAsync(new Comparison
        {
            Work = $"HTTPS {what}, transport",
            Bytes = Place.ImageSize,
            Target = target,
            Ours = new("imageio, openssl", () => openSsl.Process.MeasureAsync(() => work(ours))),
            Peer = new("imageio, dotnet", () => dotNet.Process.MeasureAsync(() => work(theirs))),
        });
    }
}
