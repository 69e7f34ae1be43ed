using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Mono.Unix.Native;

namespace ImageIO.Tests.Support;

/// <summary>
/// The built proxy as a process of its own: for signals, for several of them, and for what it writes.
/// </summary>
internal sealed partial class ProxyProcess : IAsyncDisposable
{
    private static readonly string Executable = Path.Combine(AppContext.BaseDirectory, "ovirt-imageio-proxy");

    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly string _log;

    private ProxyProcess(Process process, string log)
    {
        _process = process;
        _log = log;
        _errors = process.StandardError.ReadToEndAsync();
        Client = Monitor = null!;
    }

    public int Port { get; private set; }

    public HttpClient Client { get; private set; }

    public HttpClient Monitor { get; private set; }

    public static Task<ProxyProcess> StartAsync(ProxyFiles files) => StartAsync(
        files, "proxy", "", new Dictionary<string, string>());

    /// <param name="files">Its directory; several proxies may share it.</param>
    /// <param name="name">Tells its log and its socket from those of the others.</param>
    /// <param name="options">Options that differ, a line each.</param>
    /// <param name="environment">Variables that it gets beside those of the tests.</param>
    /// <param name="launcher">A program that starts it, with arguments, like prlimit; it must become the proxy
    /// itself.</param>
    public static async Task<ProxyProcess> StartAsync(
        ProxyFiles files,
        string name,
        string options,
        IReadOnlyDictionary<string, string> environment,
        params string[] launcher)
    {
        string configuration = files.PathOf($"{name}.conf");
        string monitor = files.PathOf($"{name}.monitor");
        string log = files.PathOf($"{name}.log");
        files.WriteConfiguration(configuration, log, monitor, options);
        string[] command = [.. launcher, Executable, "--config", configuration];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true };
        foreach ((string variable, string value) in environment)
        {
            start.Environment[variable] = value;
        }

        var proxy = new ProxyProcess(Process.Start(start)!, log);
        await Eventually.HoldsAsync(proxy.IsUpAsync, "the proxy has started");
        proxy.Port = int.Parse(Address().Match(proxy.ReadLog()).Groups[1].Value, CultureInfo.InvariantCulture);
        proxy.Client = DaemonClients.OverTls(proxy.Port, files.Certificate);
        proxy.Monitor = DaemonClients.OverUnixSocket(monitor);
        return proxy;
    }

    public string ReadLog() => ProxyFiles.Read(_log);

    public void Signal(Signum signal) => Assert.Equal(0, Syscall.kill(_process.Id, signal));

    /// <summary>Its exit status and what it wrote to standard error.</summary>
    public async Task<(int Status, string Errors)> ExitAsync()
    {
        await _process.WaitForExitAsync();
        return (_process.ExitCode, await _errors);
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        Monitor?.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        SecretsInLogs.AssertNotIn(ReadLog());
    }

    // The line that says where it serves comes after all sockets listen.
    private async Task<bool> IsUpAsync()
    {
        if (_process.HasExited)
        {
            Assert.Fail($"The proxy ended with status {_process.ExitCode}: {await _errors}");
        }

        return File.Exists(_log) && Address().IsMatch(ReadLog());
    }

    [GeneratedRegex(@"https://127\.0\.0\.1:([0-9]+)")]
    private static partial Regex Address();
}
