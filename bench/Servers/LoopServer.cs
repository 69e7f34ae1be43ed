namespace ImageIO.Bench.Servers;

/// <summary>The loop in C of <c>Limits/unix-loop.c</c>, compiled on demand.</summary>
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

    public static async Task<LoopServer> StartAsync(Place place, string image)
    {
        string program = Path.Combine(place.Disk, "unix-loop");
        string socket = Path.Combine(place.Disk, "loop.sock");
        await Tool.RunAsync("cc", "-O2", "-o", program, "bench/Limits/unix-loop.c");
        PinnedServer process = await PinnedServer.StartAsync(
            place.ServerCore, () => File.Exists(socket), program, socket, image, $"{BufferBytes}");
        return new LoopServer(process, socket);
    }

    public ValueTask DisposeAsync() => Process.DisposeAsync();
}
