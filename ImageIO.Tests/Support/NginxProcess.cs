using System.Diagnostics;

namespace ImageIO.Tests.Support;

/// <summary>
/// nginx with the sample configuration of <c>packaging/balancers</c>, in a directory of its own, on a Unix socket.
/// </summary>
internal sealed class NginxProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly DirectoryInfo _directory;

    private NginxProcess(Process process, DirectoryInfo directory, HttpClient client)
    {
        _process = process;
        _directory = directory;
        Client = client;
    }

    /// <summary>The program, null where it is not installed. Not on every user's PATH.</summary>
    public static string? Executable { get; } = BalancerSample.Find("nginx");

    public HttpClient Client { get; }

    /// <summary>Starts it in front of some proxies, which all have this certificate.</summary>
    public static async Task<NginxProcess> StartAsync(TestCertificate certificate, params int[] ports)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("imageio-nginx-");
        string socket = Path.Combine(directory.FullName, "socket");
        string configuration = BalancerSample.WriteNginx(directory.FullName, $"unix:{socket}", certificate, ports);
        var process = Process.Start(
            new ProcessStartInfo(Executable!, ["-e", "stderr", "-p", directory.FullName, "-c", configuration])
            {
                RedirectStandardError = true,
            })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await Eventually.HoldsAsync(
            async () => process.HasExited ? throw new InvalidOperationException(await errors) : File.Exists(socket),
            "nginx listens");
        return new NginxProcess(process, directory, DaemonClients.OverTls(socket, certificate));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }
}
