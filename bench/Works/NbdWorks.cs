using ImageIO.Bench.Servers;

namespace ImageIO.Bench.Works;

/// <summary>
/// Images of an NBD server through our daemon, beside clients of the server itself, and beside a loop in C in the place
/// of our daemon: the physical limit. All use all cores, and Unix sockets.
/// </summary>
internal static class NbdWorks
{
    private const long Size = 1L << 30;
    private const string Nowhere = "http://localhost/";

    // Like our daemon: 1 MiB, four at a time.
    private static readonly string[] NbdCopy = ["nbdcopy", "--connections=1", "--requests=4", "--request-size=1048576"];

    /// <summary>Whole images, small requests, and the extents of an image in very many pieces.</summary>
    public static async Task RunAsync(Place place, Scoreboard board)
    {
        string source = Path.Combine(place.Memory, "nbd-source"), target = Path.Combine(place.Memory, "nbd-target");
        try
        {
            await Tool.RunAsync(
                "sh", "-c", $"cat '{place.Source}' '{place.Image}' >'{source}' && cp '{source}' '{target}'");
            await using DaemonServer daemon = await DaemonServer.StartAsync(place, place.AllCores);
            await using NbdServer readable = await NbdServer.QemuAsync(place, place.AllCores, source);
            await using NbdServer writable = await NbdServer.QemuAsync(place, place.AllCores, target);
            await DownloadAsync(place, board, daemon, readable);
            await UploadAsync(place, board, daemon, writable, source);
            await NbdSmallWorks.RunAsync(board, daemon, writable, Size);
        }
        finally
        {
            File.Delete(source);
            File.Delete(target);
        }

        await NbdExtentWorks.RunAsync(place, board);
    }

    private static async Task DownloadAsync(Place place, Scoreboard board, DaemonServer daemon, NbdServer server)
    {
        string image = await ImageAsync(daemon, server);
        string nowhere = $"driver=null-co,size={Size}";
        await CompareAsync(
            board, daemon, server, "NBD: download of 1 GiB, 1 connection", "wall <= 1.25, CPU s <= 0.35",
            () =>
                OnAllCoresAsync(place, ["curl", "-sSf", "-o", "/dev/null", "--unix-socket", daemon.LocalSocket, image]),
            ("nbdcopy", () => OnAllCoresAsync(place, [.. NbdCopy, server.Uri, "null:"])),
            ("qemu-img convert", () => OnAllCoresAsync(
                place, ["qemu-img", "convert", "-n", "-f", "raw", server.Uri, "--target-image-opts", nowhere])));
        await LimitAsync(
            place, board, daemon, server, "NBD: download of 1 GiB", socket =>
                ["-o", "/dev/null", "--unix-socket", socket ?? daemon.LocalSocket, socket is null ? image : Nowhere]);
    }

    private static async Task UploadAsync(
        Place place, Scoreboard board, DaemonServer daemon, NbdServer server, string source)
    {
        string image = await ImageAsync(daemon, server);
        await CompareAsync(
            board, daemon, server, "NBD: upload of 1 GiB and flush, 1 connection", "wall <= 1.8, CPU s <= 0.35",
            () => OnAllCoresAsync(
                place,
                [
                    "curl", "-sSf", "-o", "/dev/null", "-T", source, "--unix-socket", daemon.LocalSocket,
                    $"{image}?flush=y",
                ]),
            ("nbdcopy --flush", () => OnAllCoresAsync(place, [.. NbdCopy, "--flush", source, server.Uri])),
            ("qemu-img convert", () => OnAllCoresAsync(
                place, ["qemu-img", "convert", "-U", "-n", "-f", "raw", "-O", "raw", source, server.Uri])));
        await LimitAsync(
            place, board, daemon, server, "NBD: upload of 1 GiB and flush", socket =>
            [
                "-o", "/dev/null", "-T", source, "--unix-socket", socket ?? daemon.LocalSocket,
                socket is null ? $"{image}?flush=y" : Nowhere,
            ]);
    }

    // The same client sends the same to a loop in C. Null stands for the daemon's socket.
    private static async Task LimitAsync(
        Place place,
        Scoreboard board,
        DaemonServer daemon,
        NbdServer server,
        string work,
        Func<string?, string[]> curl)
    {
        await board.TryAsync($"{work}, a loop in C", async () =>
        {
            await using LoopServer loop = await LoopServer.ToNbdAsync(place, server);
            await board.CompareAsync(new Comparison
            {
                Work = $"{work}, beside the physical limit",
                Bytes = Size,
                Ours = new("imageio", () => daemon.Process.MeasureAsync(
                    () => OnAllCoresAsync(place, ["curl", "-sSf", .. curl(null)]))),
                Peer = new("loop in C", () => loop.Process.MeasureAsync(
                    () => OnAllCoresAsync(place, ["curl", "-sSf", .. curl(loop.Socket)]))),
            });
        });
    }

    private static async Task CompareAsync(
        Scoreboard board,
        DaemonServer daemon,
        NbdServer server,
        string work,
        string target,
        Func<Task> ours,
        params (string Name, Func<Task> RunAsync)[] peers)
    {
        foreach ((string name, Func<Task> peer) in peers)
        {
            bool isFirst = name == peers[0].Name;
            await board.CompareAsync(new Comparison
            {
                Work = isFirst ? work : $"{work}, beside {name}",
                Bytes = Size,
                Target = isFirst ? target : "",
                Ours = new("imageio", () => daemon.Process.MeasureAsync(ours)),
                Peer = new($"qemu-nbd, {name}", () => server.Process.MeasureAsync(peer)),
            });
        }
    }

    private static async Task<string> ImageAsync(DaemonServer daemon, NbdServer server) =>
        $"http://localhost/images/{await daemon.TicketForUrlAsync(server.TicketUrl, Size)}";

    // Otherwise this program and its children have one core.
    private static Task OnAllCoresAsync(Place place, string[] command) =>
        Tool.RunAsync("taskset", ["-c", place.AllCores, .. command]);
}
