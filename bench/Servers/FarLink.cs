namespace ImageIO.Bench.Servers;

/// <summary>
/// Two network namespaces with a slow link between them: servers at one end, clients at the other. The link is
/// <c>Limits/slow-link.c</c>, because not every kernel has netem.
/// </summary>
internal sealed class FarLink : IAsyncDisposable
{
    /// <summary>The servers' address.</summary>
    public const string ServerAddress = "10.77.0.1";

    private const string ClientAddress = "10.77.0.2";
    private const long BitsPerSecond = 1_000_000_000;

    // Each way; a round trip takes twice as long.
    private const int DelayMilliseconds = 10;

    private readonly string _servers = $"imageio-bench-{Environment.ProcessId}-s";
    private readonly string _clients = $"imageio-bench-{Environment.ProcessId}-c";
    private PinnedServer? _link;

    private FarLink()
    {
    }

    /// <summary>What the table calls it.</summary>
    public static string Name => $"{BitsPerSecond / 1_000_000_000} Gbit/s, {2 * DelayMilliseconds} ms";

    /// <summary>The servers' end.</summary>
    public Host Servers => new(ServerAddress, ["ip", "netns", "exec", _servers]);

    /// <summary>The clients' end.</summary>
    public Host Clients => new(ClientAddress, ["ip", "netns", "exec", _clients]);

    /// <summary>Makes it.</summary>
    /// <exception cref="BenchException">Not root, or something that it needs is missing.</exception>
    public static async Task<FarLink> StartAsync(Place place)
    {
        if (Environment.UserName != "root" || !File.Exists("/dev/net/tun"))
        {
            throw new BenchException("needs root and /dev/net/tun");
        }

        var link = new FarLink();
        try
        {
            await link.MakeAsync(place);
            return link;
        }
        catch
        {
            await link.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a client.</summary>
    public Task<string> RunAsync(params string[] command) => Tool.RunAsync("ip", [.. Clients.Enter[1..], .. command]);

    /// <summary>Removes it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_link is not null)
        {
            await _link.DisposeAsync();
        }

        foreach (string name in new[] { _servers, _clients })
        {
            if (File.Exists($"/run/netns/{name}"))
            {
                await Tool.RunAsync("ip", "netns", "delete", name);
            }
        }
    }

    private async Task MakeAsync(Place place)
    {
        string program = Path.Combine(place.Disk, "slow-link");
        string near = $"far{Environment.ProcessId}s", far = $"far{Environment.ProcessId}c";
        await Tool.RunAsync("cc", "-O2", "-o", program, "bench/Limits/slow-link.c");
        _link = await PinnedServer.StartAsync(
            place.AllCores,
            () => Directory.Exists($"/sys/class/net/{near}") && Directory.Exists($"/sys/class/net/{far}"),
            program,
            near,
            far,
            $"{BitsPerSecond}",
            $"{DelayMilliseconds}");
        foreach ((string name, string device, string address) in
            new[] { (_servers, near, ServerAddress), (_clients, far, ClientAddress) })
        {
            await Tool.RunAsync("ip", "netns", "add", name);
            await Tool.RunAsync("ip", "link", "set", device, "netns", name);
            await Tool.RunAsync("ip", "-n", name, "address", "add", $"{address}/24", "dev", device);
            await Tool.RunAsync("ip", "-n", name, "link", "set", device, "up");
            await Tool.RunAsync("ip", "-n", name, "link", "set", "lo", "up");
        }
    }
}
