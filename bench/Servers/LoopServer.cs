namespace ImageIO.Bench.Servers;

/// <summary>The loop in C of <c>Limits/unix-loop.c</c>, compiled when it is measured.</summary>
internal sealed class LoopServer : IAsyncDisposable
{
    // What was best of 128 KiB to 8 MiB: larger ones leave the processor's cache.
    private const int BufferBytes = 256 * 1024;

    private LoopServer(PinnedServer process, string socket)
    {
        Process = process;
        Socket = socket;
    }

    /// <summary>Its process.</summary>
    public PinnedServer Process { get; }

    /// <summary>Where it listens.</summary>
    public string Socket { get; }

    /// <summary>Compiles and starts it.</summary>
    public static async Task<LoopServer> StartAsync(Place place, string image)
    {
        string program = Path.Combine(place.Disk, "unix-loop");
        string socket = Path.Combine(place.Disk, "loop.sock");
        await Tool.RunAsync("cc", "-O2", "-o", program, "bench/Limits/unix-loop.c");
        PinnedServer process = await PinnedServer.StartAsync(
            place.ServerCore, () => File.Exists(socket), program, socket, image, $"{BufferBytes}");
        return new LoopServer(process, socket);
    }

    /// <summary>Ends it.</summary>
    public ValueTask DisposeAsync() => Process.DisposeAsync();
}
