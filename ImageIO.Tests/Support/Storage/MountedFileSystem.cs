using System.Globalization;

namespace ImageIO.Tests.Support.Storage;

/// <summary>A file system of its own, mounted as long as a test class runs.</summary>
/// <param name="kind">Name of the file system in mount(8).</param>
/// <param name="sizeMiB">Its size. xfs has no smaller ones than 300 MiB; the space is only taken when it is
/// used.</param>
/// <param name="sectorSize">Sector of the device below it, in bytes.</param>
/// <param name="blockSize">Block of an ext4, in bytes. 0: its own choice.</param>
public abstract class MountedFileSystem(string kind, int sizeMiB = 384, int sectorSize = 512, int blockSize = 0)
    : IAsyncLifetime
{
    private const string Prefix = "imageio-mount-";

    private readonly string _directory =
        Path.Combine(Path.GetTempPath(), $"{Prefix}{Environment.ProcessId}-{Guid.NewGuid():N}");

    private LoopDevice? _device;

    /// <summary>Why it is not there. Null: it is.</summary>
    public string? WhyNot { get; private set; }

    /// <summary>Where it is mounted.</summary>
    public string Directory => _directory;

    private bool IsInMemory => kind == "tmpfs";

    /// <summary>The path of a new file of <paramref name="size"/> bytes, all of them a hole.</summary>
    public string CreateFile(long size)
    {
        Skip.If(WhyNot is not null, WhyNot);
        string path = Path.Combine(_directory, $"{Guid.NewGuid():N}.img");
        using FileStream created = File.Create(path);
        created.SetLength(size);
        return path;
    }

    public async Task InitializeAsync()
    {
        WhyNot = IsInMemory ? SystemTool.WhyNot("mount") : SystemTool.WhyNot("mount", "losetup", $"mkfs.{kind}");
        WhyNot ??= IsKnownToKernel() ? null : $"needs {kind} in the kernel";
        if (WhyNot is not null)
        {
            return;
        }

        await UnmountLeftoversAsync();
        System.IO.Directory.CreateDirectory(_directory);
        if (IsInMemory)
        {
            await SystemTool.RunAsync("mount", "-t", kind, "-o", $"size={sizeMiB}m", kind, _directory);
            return;
        }

        _device = await LoopDevice.CreateAsync(sizeMiB * 1024L * 1024, sectorSize);
        string[] options = blockSize == 0 ? ["-q"] : ["-q", "-b", $"{blockSize}"];
        await SystemTool.RunAsync($"mkfs.{kind}", [.. options, _device.Path]);
        await SystemTool.RunAsync("mount", "-t", kind, _device.Path, _directory);
    }

    public async Task DisposeAsync()
    {
        if (WhyNot is null)
        {
            await SystemTool.RunAsync("umount", _directory);
            System.IO.Directory.Delete(_directory);
        }

        if (_device is not null)
        {
            await _device.DisposeAsync();
        }
    }

    private bool IsKnownToKernel() =>
        File.ReadLines("/proc/filesystems").Any(line => line.EndsWith($"\t{kind}", StringComparison.Ordinal));

    // Unmounts file systems that a killed test process has left.
    private static async Task UnmountLeftoversAsync()
    {
        string root = Path.Combine(Path.GetTempPath(), Prefix);
        foreach (string line in await File.ReadAllLinesAsync("/proc/self/mounts"))
        {
            string directory = line.Split(' ')[1];
            if (directory.StartsWith(root, StringComparison.Ordinal)
                && int.Parse(directory[root.Length..].Split('-')[0], CultureInfo.InvariantCulture) is var owner
                && !System.IO.Directory.Exists($"/proc/{owner}"))
            {
                await SystemTool.RunAsync("umount", directory);
                System.IO.Directory.Delete(directory);
            }
        }
    }
}
