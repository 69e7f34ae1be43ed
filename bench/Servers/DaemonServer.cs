using System.Globalization;
using System.Text.Json;

namespace ImageIO.Bench.Servers;

/// <summary>The daemon of <c>make build</c>, with its own directory and certificate.</summary>
internal sealed class DaemonServer : IAsyncDisposable
{
    private readonly string _directory;

    private DaemonServer(string directory, PinnedServer process, string url)
    {
        _directory = directory;
        Process = process;
        Url = url;
    }

    public PinnedServer Process { get; }

    /// <summary>The remote service.</summary>
    public string Url { get; }

    /// <summary>The local service's socket.</summary>
    public string LocalSocket => Path.Combine(_directory, "local.sock");

    /// <summary>Starts our daemon.</summary>
    /// <param name="place">Files and cores.</param>
    /// <param name="cores">Cores that it may use.</param>
    /// <param name="options">Further options, in INI form.</param>
    public static Task<DaemonServer> StartAsync(Place place, string cores, string options = "") =>
        StartAsync(place, cores, Path.GetFullPath("out/bin/ovirt-imageio"), Host.Loopback, options);

    /// <summary>Starts our daemon at another host.</summary>
    /// <param name="place">Files and cores.</param>
    /// <param name="host">The host.</param>
    public static Task<DaemonServer> StartAsync(Place place, Host host) =>
        StartAsync(place, place.ServerCore, Path.GetFullPath("out/bin/ovirt-imageio"), host, options: "");

    /// <summary>Starts a program with our options and configuration: ours, or the reference's.</summary>
    /// <param name="place">Files and cores.</param>
    /// <param name="cores">Cores that it may use.</param>
    /// <param name="program">The program.</param>
    public static Task<DaemonServer> StartOtherAsync(Place place, string cores, string program) =>
        StartAsync(place, cores, program, Host.Loopback, options: "");

    private static async Task<DaemonServer> StartAsync(
        Place place, string cores, string program, Host host, string options)
    {
        int port = NginxServer.FreePort();
        string directory = Directory.CreateTempSubdirectory("imageio-bench-").FullName;
        Directory.CreateDirectory(Path.Combine(directory, "conf.d"));
        string log = Path.Combine(directory, "daemon.log");
        await File.WriteAllTextAsync(
            Path.Combine(directory, "conf.d", "bench.conf"),
            $"""
            [daemon]
            drop_privileges = false
            [tls]
            key_file = {place.KeyFile}
            cert_file = {place.CertificateFile}
            ca_file = {place.AuthorityFile}
            [remote]
            host = {host.Address}
            port = {port}
            [local]
            socket = {directory}/local.sock
            [control]
            socket = {directory}/control.sock
            [logger_root]
            handlers = logfile
            [handler_logfile]
            args = ("{log}",)

            """);
        await File.WriteAllTextAsync(Path.Combine(directory, "conf.d", "later.conf"), options);
        PinnedServer process = await PinnedServer.StartAsync(
            cores,
            () => File.Exists(Path.Combine(directory, "control.sock")) && (host.IsReachable
                ? NginxServer.Accepts(port)
                : File.Exists(log) && File.ReadAllText(log).Contains($":{port}", StringComparison.Ordinal)),
            [.. host.Enter, program, "--conf-dir", directory]);
        return new DaemonServer(directory, process, $"https://{host.Address}:{port}");
    }

    /// <summary>Installs a ticket for reading and writing an image file, and returns its id.</summary>
    public Task<string> TicketAsync(string image, long size) => TicketForUrlAsync($"file://{image}", size);

    /// <summary>
    /// Installs a ticket for reading and writing an image, or for reading alone one with dirty extents, which may be a
    /// snapshot. Returns its id.
    /// </summary>
    public async Task<string> TicketForUrlAsync(string imageUrl, long size, bool isDirty = false)
    {
        string id = Guid.NewGuid().ToString();
        string ticket = JsonSerializer.Serialize(new
        {
            uuid = id,
            size,
            url = imageUrl,
            ops = isDirty ? new[] { "read" } : ["read", "write"],
            timeout = 3600,
            inactivity_timeout = 3600,
            sparse = true,
            dirty = isDirty,
        });
        await Tool.RunAsync(
            "curl", "-sS", "--fail-with-body", "-X", "PUT", "--unix-socket",
            Path.Combine(_directory, "control.sock"), "-d", ticket, $"http://localhost/tickets/{id}");
        return id;
    }

    /// <summary>Requests its health, and returns the seconds that took.</summary>
    public async Task<double> HealthSecondsAsync()
    {
        string seconds = await Tool.RunAsync(
            "curl",
            "-sS",
            "--fail",
            "--output",
            "/dev/null",
            "--write-out",
            "%{time_total}",
            "--unix-socket",
            Path.Combine(_directory, "control.sock"),
            "http://localhost/health/live");
        return double.Parse(seconds, CultureInfo.InvariantCulture);
    }

    /// <summary>Ends it and removes its directory.</summary>
    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
