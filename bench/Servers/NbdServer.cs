namespace ImageIO.Bench.Servers;

/// <summary>nbdkit or qemu-nbd over a file, on a Unix socket.</summary>
internal sealed class NbdServer : IAsyncDisposable
{
    private NbdServer(string socket, PinnedServer process)
    {
        Socket = socket;
        Process = process;
    }

    public string Socket { get; }

    public PinnedServer Process { get; }

    /// <summary>Its URI for nbdcopy.</summary>
    public string Uri => $"nbd+unix:///?socket={Socket}";

    /// <summary>Its URL for a ticket.</summary>
    public string TicketUrl => $"nbd:unix:{Socket}";

    /// <summary>The installed server. Null: none, or no nbdcopy.</summary>
    public static string? Name =>
        !Tool.IsThere("nbdcopy") ? null
        : Tool.IsThere("nbdkit") ? "nbdkit"
        : Tool.IsThere("qemu-nbd") ? "qemu-nbd"
        : null;

    /// <summary>Starts it on the servers' core.</summary>
    public static Task<NbdServer> StartAsync(Place place, string image) => Name == "nbdkit"
        ? NbdKitAsync(place, place.ServerCore, "file", image)
        : QemuAsync(place, place.ServerCore, image);

    /// <summary>Starts nbdkit with a plugin and its parameters.</summary>
    public static Task<NbdServer> NbdKitAsync(Place place, string cores, params string[] arguments) =>
        StartAsync(place, cores, "nbdkit", socket => ["--foreground", "--unix", socket, .. arguments]);

    /// <summary>Starts qemu-nbd over a raw file, with as many clients as Vdsm allows.</summary>
    public static Task<NbdServer> QemuAsync(Place place, string cores, string image) => StartAsync(
        place, cores, "qemu-nbd", socket =>
            ["--persistent", "--shared", "8", "--format", "raw", "--socket", socket, image]);

    private static async Task<NbdServer> StartAsync(
        Place place, string cores, string program, Func<string, string[]> arguments)
    {
        string socket = Path.Combine(place.Memory, $"nbd-{Guid.NewGuid():N}.sock");
        string path = Tool.Path(program) ?? throw new BenchException($"{program} is not installed");
        string[] command = [path, .. arguments(socket)];
        return new NbdServer(socket, await PinnedServer.StartAsync(cores, () => File.Exists(socket), command));
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        File.Delete(Socket);
    }
}
