using Mono.Unix.Native;

namespace ImageIO.Tests.Support;

/// <summary>A temporary directory for images, on a file system that really has direct I/O; removed when disposed.</summary>
public sealed class ImageDirectory : IDisposable
{
    public ImageDirectory()
    {
        Path = Directory.CreateTempSubdirectory("imageio-").FullName;
        if (!HasDirectIO(Path))
        {
            // A tmpfs: the build's own directory is on a disk.
            Directory.Delete(Path);
            Path = Directory.CreateDirectory(
                System.IO.Path.Combine(AppContext.BaseDirectory, $"i-{Guid.NewGuid().ToString("N")[..8]}")).FullName;
            if (!HasDirectIO(Path))
            {
                throw new InvalidOperationException(
                    $"Neither the temporary directory nor {Path} has O_DIRECT: set TMPDIR to a directory on ext4 or XFS");
            }
        }
    }

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Create(string name, byte[] content)
    {
        System.IO.File.WriteAllBytes(File(name), content);
        return File(name);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static bool HasDirectIO(string directory)
    {
        string probe = System.IO.Path.Combine(directory, "probe");
        int descriptor = Syscall.open(
            probe, OpenFlags.O_CREAT | OpenFlags.O_RDWR | OpenFlags.O_DIRECT | OpenFlags.O_CLOEXEC, FilePermissions.S_IRUSR);
        if (descriptor >= 0)
        {
            _ = Syscall.close(descriptor);
        }

        System.IO.File.Delete(probe);
        return descriptor >= 0;
    }
}
