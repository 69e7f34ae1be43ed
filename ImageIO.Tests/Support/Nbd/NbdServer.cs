using System.Diagnostics;
using System.Globalization;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support.Storage;
using Mono.Unix.Native;

namespace ImageIO.Tests.Support.Nbd;

/// <summary>qemu-nbd, nbdkit or qemu-storage-daemon on a Unix socket, as a process of its own.</summary>
internal sealed class NbdServer : IAsyncDisposable
{
    private readonly string _program;
    private readonly string[] _arguments;
    private readonly string _pidFile;
    private Process _process = null!;
    private Task<string> _errors = Task.FromResult("");

    private NbdServer(string program, string socket, string pidFile, string[] arguments)
    {
        _program = program;
        _arguments = arguments;
        _pidFile = pidFile;
        Socket = socket;
    }

    /// <summary>Path of its socket.</summary>
    public string Socket { get; }

    /// <summary>URL of its default export.</summary>
    public ImageUrl Url => ImageUrl.Parse($"nbd:unix:{Socket}");

    /// <summary>Where qemu-storage-daemon takes commands.</summary>
    public string QmpSocket => $"{Socket}.qmp";

    /// <summary>Its process.</summary>
    public int Id => _process.Id;

    /// <summary>qemu-nbd with some options and an image, which is the last argument.</summary>
    public static Task<NbdServer> QemuNbdAsync(string directory, params string[] arguments)
    {
        string socket = NewName(directory, "sock");
        string pid = NewName(directory, "pid");
        return StartAsync(
            "qemu-nbd", socket, pid, ["--persistent", $"--socket={socket}", $"--pid-file={pid}", .. arguments]);
    }

    /// <summary>nbdkit with a plugin and filters.</summary>
    public static Task<NbdServer> NbdKitAsync(string directory, params string[] arguments)
    {
        string socket = NewName(directory, "sock");
        string pid = NewName(directory, "pid");
        return StartAsync("nbdkit", socket, pid, ["--foreground", "--unix", socket, "--pidfile", pid, .. arguments]);
    }

    /// <summary>
    /// qemu-storage-daemon with a qcow2 image as its node "disk", and no export yet: commands add them.
    /// </summary>
    public static Task<NbdServer> QemuStorageDaemonAsync(string directory, string image)
    {
        string socket = NewName(directory, "sock");
        string pid = NewName(directory, "pid");
        return StartAsync(
            "qemu-storage-daemon", socket, pid,
            [
                "--pidfile", pid,
                "--blockdev", $"driver=file,node-name=file,filename={image}",
                "--blockdev", "driver=qcow2,node-name=disk,file=file,discard=unmap",
                "--nbd-server", $"addr.type=unix,addr.path={socket},max-connections=0",
                "--chardev", $"socket,id=qmp,path={socket}.qmp,server=on,wait=off",
                "--monitor", "chardev=qmp",
            ]);
    }

    /// <summary>Any of them by TCP on the loopback address; the URL names the port.</summary>
    public static async Task<(
        NbdServer Server, ImageUrl Url)> QemuNbdOverTcpAsync(string directory, params string[] arguments)
    {
        // Between the look for a free port and its use another process may take it.
        for (int attempt = 1; ; attempt++)
        {
            int port = FreePort();
            string pid = NewName(directory, "pid");
            try
            {
                NbdServer server = await StartAsync(
                    "qemu-nbd", "", pid,
                    ["--persistent", "--bind=127.0.0.1", $"--port={port}", $"--pid-file={pid}", .. arguments]);
                return (server, ImageUrl.Parse($"nbd://127.0.0.1:{port}"));
            }
            catch (InvalidOperationException) when (attempt < 5)
            {
            }
        }
    }

    /// <summary>Starts it again with the same arguments.</summary>
    public async Task StartAgainAsync()
    {
        File.Delete(_pidFile);
        await StartAsync();
    }

    /// <summary>SIGKILL: what it holds in memory is lost.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM: it closes its image in order.</summary>
    public async Task StopAsync()
    {
        Send(Signum.SIGTERM);
        await _process.WaitForExitAsync();
    }

    /// <summary>Waits until it has ended by itself.</summary>
    public Task EndedAsync() => _process.WaitForExitAsync();

    /// <summary>SIGSTOP: it hangs.</summary>
    public void Suspend() => Send(Signum.SIGSTOP);

    /// <summary>SIGCONT: continues it.</summary>
    public void Resume() => Send(Signum.SIGCONT);

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        await _errors;
        _process.Dispose();
    }

    private static async Task<NbdServer> StartAsync(string program, string socket, string pidFile, string[] arguments)
    {
        SystemTool.Require(program);
        var server = new NbdServer(program, socket, pidFile, arguments);
        await server.StartAsync();
        return server;
    }

    // The file with the process id comes when it listens.
    private async Task StartAsync()
    {
        _process = await LastingThread.StartAsync(
            new ProcessStartInfo(_program, _arguments) { RedirectStandardError = true, RedirectStandardInput = true });
        _errors = _process.StandardError.ReadToEndAsync();
        await Eventually.HoldsAsync(
            () => _process.HasExited || new FileInfo(_pidFile) is { Exists: true, Length: > 0 }, $"{_program} listens");
        if (_process.HasExited)
        {
            throw new InvalidOperationException(
                $"{_program} {string.Join(' ', _arguments)} ended with {_process.ExitCode}: {await _errors}");
        }
    }

    private void Send(Signum signal) => Syscall.kill(_process.Id, signal);

    private static string NewName(string directory, string kind) =>
        Path.Combine(directory, $"{Guid.NewGuid().ToString("N")[..12]}.{kind}");

    private static int FreePort()
    {
        using var socket = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        socket.Start();
        return int.Parse(
            socket.LocalEndpoint.ToString()!.Split(':')[^1], CultureInfo.InvariantCulture);
    }
}
