using System.Diagnostics;
using Mono.Unix.Native;

namespace ImageIO.Tests.Support;

/// <summary>
/// A small ext4 of its own on a loop device, unmounted afterwards: to be filled, broken, and cut to 4 KiB sectors.
/// </summary>
internal sealed class LoopFileSystem : IAsyncDisposable
{
    private readonly ImageDirectory _directory = new();
    private string? _device;

    private LoopFileSystem()
    {
    }

    /// <summary>Where it is mounted.</summary>
    public string Path => _directory.File("mounted");

    public static async Task<LoopFileSystem> CreateAsync(int mebibytes = 8, int sectorSize = 512)
    {
        Skip.If(Syscall.geteuid() != 0, "mounting a loop device needs root");
        Skip.IfNot(File.Exists("/dev/loop-control"), "there are no loop devices (/dev/loop-control)");
        var system = new LoopFileSystem();
        try
        {
            string image = system._directory.File("ext4");
            await using (FileStream file = File.Create(image))
            {
                file.SetLength(mebibytes * 1024L * 1024);
            }

            system._device = (await RunAsync(
                "losetup", "--find", "--show", $"--sector-size={sectorSize}", image)).Trim();
            // No journal: it would be most of so small a file system.
            await RunAsync("mkfs.ext4", "-q", "-b", "4096", "-O", "^has_journal", "-m", "0", system._device);
            Directory.CreateDirectory(system.Path);
            await RunAsync("mount", system._device, system.Path);
            return system;
        }
        catch
        {
            await system.DisposeAsync();
            throw;
        }
    }

    /// <summary>Puts a file on it, and gives its path.</summary>
    public string Create(string name, byte[] content)
    {
        string path = System.IO.Path.Combine(Path, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>From now on every write waits, as on storage that lost its paths.</summary>
    public Task FreezeAsync() => RunAsync("fsfreeze", "--freeze", Path);

    public Task ThawAsync() => RunAsync("fsfreeze", "--unfreeze", Path);

    /// <summary>Makes the file system behave as after a fatal error of its device.</summary>
    public Task AbortAsync() => RunAsync("mount", "-o", "remount,abort", Path);

    public async ValueTask DisposeAsync()
    {
        if (Directory.Exists(Path))
        {
            await RunAsync("umount", Path);
        }

        if (_device is not null)
        {
            await RunAsync("losetup", "--detach", _device);
        }

        _directory.Dispose();
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors}");
        return await output;
    }
}
