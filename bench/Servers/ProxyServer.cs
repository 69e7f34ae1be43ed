using System.Text.Json;
using System.Text.RegularExpressions;

namespace ImageIO.Bench.Servers;

/// <summary>The proxy of <c>make build</c>, which trusts unsigned tickets.</summary>
internal sealed partial class ProxyServer : IAsyncDisposable
{
    private readonly string _directory;

    private readonly Host _host;

    private ProxyServer(string directory, PinnedServer process, string url, Host host)
    {
        _host = host;
        _directory = directory;
        Process = process;
        Url = url;
    }

    public PinnedServer Process { get; }

    public string Url { get; }

    /// <summary>Starts one on the servers' core.</summary>
    public static Task<ProxyServer> StartAsync(Place place) => StartAsync(place, Host.Loopback);

    /// <summary>Starts one at another host.</summary>
    public static async Task<ProxyServer> StartAsync(Place place, Host host)
    {
        string directory = Directory.CreateTempSubdirectory("imageio-bench-").FullName;
        string file = Path.Combine(directory, "proxy.conf");
        string log = Path.Combine(directory, "proxy.log");
        await File.WriteAllTextAsync(
            file,
            $"""
            [proxy]
            host = {host.Address}
            port = 0
            ssl_key_file = {place.KeyFile}
            ssl_cert_file = {place.CertificateFile}
            engine_cert_file = {place.CertificateFile}
            engine_ca_cert_file = {place.AuthorityFile}
            signed_proxy_ticket = false
            monitor_address = {directory}/monitor.sock
            log_file = {log}

            """);
        string url = "";
        PinnedServer process = await PinnedServer.StartAsync(
            place.ServerCore,
            () => (url = ServedAddress().Match(File.Exists(log) ? File.ReadAllText(log) : "").Value).Length > 0,
            [.. host.Enter, Path.GetFullPath("out/bin/ovirt-imageio-proxy"), "--config", file]);
        return new ProxyServer(directory, process, url, host);
    }

    /// <summary>Installs a ticket for an image at a daemon.</summary>
    public async Task InstallAsync(Place place, string id, string daemon)
    {
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var ticket = new Dictionary<string, object>
        {
            ["nbf"] = now,
            ["iat"] = now,
            ["exp"] = now + 3600,
            ["imaged-uri"] = daemon,
            ["transfer-ticket"] = id,
        };
        string[] command =
        [
            .. _host.Enter, "curl", "-sS", "--fail-with-body", "-X", "PUT", "--cacert", place.AuthorityFile,
            "-d", JsonSerializer.Serialize(ticket), $"{Url}/tickets/",
        ];
        await Tool.RunAsync(command[0], command[1..]);
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [GeneratedRegex("https://[0-9.]+:[0-9]+")]
    private static partial Regex ServedAddress();
}
