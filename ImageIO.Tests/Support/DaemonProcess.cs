using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Mono.Unix.Native;

namespace ImageIO.Tests.Support;

/// <summary>
/// The built daemon as a process of its own: for signals, memory, descriptors and what it leaves behind.
/// </summary>
internal sealed partial class DaemonProcess : IAsyncDisposable
{
    /// <summary>The daemon beside the tests, with all it needs.</summary>
    public static readonly string Executable = Path.Combine(AppContext.BaseDirectory, "ovirt-imageio");

    private readonly Process _process;
    private readonly Task<string> _errors;

    private DaemonProcess(DaemonFiles files, Process process)
    {
        Files = files;
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
        Remote = Local = Control = null!;
    }

    public DaemonFiles Files { get; }

    public int Id => _process.Id;

    /// <summary>Where the remote service is, without a path.</summary>
    public string RemoteUrl { get; private set; } = "";

    /// <summary>Where the control service is, when its transport is TCP.</summary>
    public Uri ControlUrl => new(TcpControl().Match(Files.ReadLog()).Value);

    public HttpClient Remote { get; private set; }

    public HttpClient Local { get; private set; }

    public HttpClient Control { get; private set; }

    public static Task<DaemonProcess> StartAsync(DaemonFiles files, params string[] arguments) =>
        StartAsync(files, new Dictionary<string, string>(), arguments);

    /// <param name="files">Its directory.</param>
    /// <param name="environment">Variables that it gets beside those of the tests.</param>
    /// <param name="arguments">Further arguments.</param>
    public static async Task<DaemonProcess> StartAsync(
        DaemonFiles files, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        await StartByAsync([], files, environment, arguments);

    /// <param name="launcher">A program that starts it, with arguments, like prlimit; it must become the daemon
    /// itself.</param>
    /// <param name="files">Its directory.</param>
    /// <param name="environment">Variables that it gets beside those of the tests.</param>
    /// <param name="arguments">Further arguments.</param>
    public static async Task<DaemonProcess> StartByAsync(
        string[] launcher,
        DaemonFiles files, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        string[] command = [.. launcher, Executable, "--conf-dir", files.Path, .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        var daemon = new DaemonProcess(files, Process.Start(start)!);
        try
        {
            await Eventually.HoldsAsync(daemon.IsUpAsync, "the daemon has started");
        }
        catch
        {
            // The caller does not know the process yet.
            await daemon.DisposeAsync();
            throw;
        }

        int port = int.Parse(RemotePort().Match(files.ReadLog()).Groups[1].Value, CultureInfo.InvariantCulture);
        daemon.RemoteUrl = $"https://127.0.0.1:{port}";
        daemon.Remote = DaemonClients.OverTls(port, files.Certificate);
        daemon.Local = DaemonClients.OverUnixSocket(files.LocalSocket);
        daemon.Control = DaemonClients.OverUnixSocket(files.ControlSocket);
        return daemon;
    }

    /// <summary>Peak resident memory in bytes.</summary>
    public long PeakMemory => 1024 * long.Parse(
        File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(
            ' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    /// <summary>Installs a ticket through the control service.</summary>
    public async Task InstallAsync(JsonObject ticket)
    {
        using HttpResponseMessage response = await Control.PutAsync(
            $"/tickets/{ticket["uuid"]}", new StringContent(ticket.ToJsonString()));
        Assert.True(response.StatusCode == HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Creates an image and installs a ticket of its size for it.</summary>
    public async Task<TestImage> AddImageAsync(byte[] content, params string[] ops)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), Files.CreateImage(content));
        await InstallAsync(TicketBody.For(image.Id, image.Path, content.Length, ops));
        return image;
    }

    /// <summary>The ticket as the control service shows it.</summary>
    public async Task<JsonObject> GetTicketAsync(string id) =>
        JsonNode.Parse(await Control.GetStringAsync($"/tickets/{id}"))!.AsObject();

    public void Signal(Signum signal) => Assert.Equal(0, Syscall.kill(Id, signal));

    /// <summary>Its exit status and what it wrote to standard error.</summary>
    public async Task<(int Status, string Errors)> ExitAsync()
    {
        await _process.WaitForExitAsync();
        return (_process.ExitCode, await _errors);
    }

    public async ValueTask DisposeAsync()
    {
        Remote?.Dispose();
        Local?.Dispose();
        Control?.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        Files.AssertNoSecretIsLogged();
    }

    // The line that says where it serves comes after all sockets listen.
    private async Task<bool> IsUpAsync()
    {
        if (_process.HasExited)
        {
            Assert.Fail($"The daemon ended with status {_process.ExitCode}: {await _errors}");
        }

        return File.Exists(Files.LogFile) && RemotePort().IsMatch(Files.ReadLog());
    }

    [GeneratedRegex(@"https://127\.0\.0\.1:([0-9]+)")]
    private static partial Regex RemotePort();

    [GeneratedRegex(@"http://(127\.0\.0\.1|\[::1\]):[0-9]+")]
    private static partial Regex TcpControl();
}
