using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Support.Nbd;

/// <summary>
/// A daemon that gives hanging servers up after a second, and a directory for images of a class of tests.
/// </summary>
public sealed class NbdDaemon : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("imageio-nbd-").FullName;

    /// <summary>The daemon.</summary>
    internal DaemonFixture Daemon { get; private set; } = null!;

    public async Task InitializeAsync() =>
        Daemon = await DaemonFixture.StartAsync("[backend_nbd]\nstall_timeout = 1\nconnect_timeout = 5\n");

    public async Task DisposeAsync()
    {
        await Daemon.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>A name for a new file.</summary>
    internal string NewPath(string kind) => Path.Combine(_directory, $"{Guid.NewGuid().ToString("N")[..12]}.{kind}");

    /// <summary>A new raw file of zeroes.</summary>
    internal string RawFile(long size)
    {
        string path = NewPath("raw");
        using FileStream file = File.Create(path);
        file.SetLength(size);
        return path;
    }

    /// <summary>A new qcow2 file, over a base if one is given.</summary>
    internal async Task<string> Qcow2FileAsync(long size, string? backing = null)
    {
        string path = NewPath("qcow2");
        string[] over = backing is null ? [] : ["-b", backing, "-F", "qcow2"];
        await SystemTool.RunAsync("qemu-img", ["create", "-q", "-f", "qcow2", .. over, path, $"{size}"]);
        return path;
    }

    /// <summary>
    /// qemu-nbd as Vdsm starts it, but through the page cache, on whatever file system the tests run.
    /// </summary>
    internal Task<NbdServer> QemuNbdAsync(params string[] arguments) =>
        NbdServer.QemuNbdAsync(_directory, ["--shared=8", "--discard=unmap", "--detect-zeroes=unmap", .. arguments]);

    /// <summary>nbdkit with a plugin and filters.</summary>
    internal Task<NbdServer> NbdKitAsync(params string[] arguments) => NbdServer.NbdKitAsync(_directory, arguments);

    /// <summary>Writes to an image file with qemu-io.</summary>
    internal static Task WriteAsync(string path, params string[] commands) =>
        SystemTool.RunAsync(
            "qemu-io", ["-f", "qcow2", .. commands.SelectMany(command => (string[])["-c", command]), path]);

    /// <summary>A ticket for a server's default export.</summary>
    internal Task<NbdTicket> InstallAsync(NbdServer server, long size, string op = "write", bool dirty = false) =>
        NbdTicket.InstallAsync(Daemon, server.Url, size, op, dirty);
}
