namespace ImageIO.Bench.Servers;

/// <summary>nbdkit or qemu-nbd over a file, on a Unix socket.</summary>
internal sealed class NbdServer : IAsyncDisposable
{
    private readonly string _socket;

    private NbdServer(string socket, PinnedServer process)
    {
        _socket = socket;
        Process = process;
    }

    /// <summary>Its process.</summary>
    public PinnedServer Process { get; }

    /// <summary>What nbdcopy takes.</summary>
    public string Uri => $"nbd+unix:///?socket={_socket}";

    /// <summary>The one that is installed. Null: none, or no nbdcopy.</summary>
    public static string? Name =>
        !Tool.IsThere("nbdcopy") ? null : Tool.IsThere("nbdkit") ? "nbdkit" : Tool.IsThere("qemu-nbd") ? "qemu-nbd" : null;

    /// <summary>Starts it.</summary>
    public static async Task<NbdServer> StartAsync(Place place, string image)
    {
        string socket = Path.Combine(place.Memory, $"nbd-{Guid.NewGuid():N}.sock");
        string[] command = Name == "nbdkit"
            ? [Tool.Path("nbdkit")!, "--foreground", "--unix", socket, "file", image]
            : [Tool.Path("qemu-nbd")!, "--persistent", "--shared", "8", "--format", "raw", "--socket", socket, image];
        return new NbdServer(socket, await PinnedServer.StartAsync(place.ServerCore, () => File.Exists(socket), command));
    }

    /// <summary>Ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        File.Delete(_socket);
    }
}
