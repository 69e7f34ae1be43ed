namespace ImageIO.Bench.Servers;

/// <summary>The loops in C of <c>Limits/</c>, compiled on demand.</summary>
internal sealed class LoopServer : IAsyncDisposable
{
    // The best of 128 KiB to 8 MiB: larger ones leave the processor's cache.
    private const int BufferBytes = 256 * 1024;

    private LoopServer(PinnedServer process, string socket)
    {
        Process = process;
        Socket = socket;
    }

    public PinnedServer Process { get; }

    public string Socket { get; }

    /// <summary>Between a Unix socket and a file.</summary>
    public static Task<LoopServer> StartAsync(Place place, string image) =>
        StartAsync(place, place.ServerCore, "unix-loop", image, $"{BufferBytes}");

    /// <summary>Between a Unix socket and an NBD server on all cores.</summary>
    public static Task<LoopServer> ToNbdAsync(Place place, NbdServer server) =>
        StartAsync(place, place.AllCores, "nbd-loop", server.Socket);

    private static async Task<LoopServer> StartAsync(
        Place place, string cores, string name, params string[] arguments)
    {
        string program = Path.Combine(place.Disk, name);
        string socket = Path.Combine(place.Disk, $"{name}.sock");
        File.Delete(socket);
        await Tool.RunAsync("cc", "-O2", "-o", program, $"bench/Limits/{name}.c");
        PinnedServer process = await PinnedServer.StartAsync(
            cores, () => File.Exists(socket), [program, socket, .. arguments]);
        return new LoopServer(process, socket);
    }

    public ValueTask DisposeAsync() => Process.DisposeAsync();
}
