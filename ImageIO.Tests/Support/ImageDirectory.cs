using Mono.Unix.Native;

namespace ImageIO.Tests.Support;

/// <summary>
/// A temporary directory on a file system with direct I/O, deleted afterwards. Where the temporary directory itself has
/// none (a tmpfs before Linux 6.6), the one for large files is taken, then the one of the build; a test never runs on
/// the page cache unnoticed.
/// </summary>
public sealed class ImageDirectory : IDisposable
{
    private static readonly Lazy<string?> Parent = new(FindParent);

    public ImageDirectory()
    {
        Skip.If(Parent.Value is null, "no temporary directory has a file system with direct I/O (O_DIRECT)");
        Path = CreateIn(Parent.Value!);
    }

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Create(string name, byte[] content)
    {
        System.IO.File.WriteAllBytes(File(name), content);
        return File(name);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static string? FindParent()
    {
        string[] candidates = [System.IO.Path.GetTempPath(), "/var/tmp", AppContext.BaseDirectory];
        return candidates.FirstOrDefault(HasDirectIo);
    }

    // A tmpfs with O_DIRECT (Linux 6.6) accepts any alignment and has no full disk: not the real thing either.
    private static bool HasDirectIo(string parent)
    {
        if (!Directory.Exists(parent) || new DriveInfo(parent).DriveFormat == "tmpfs")
        {
            return false;
        }

        string directory = CreateIn(parent);
        try
        {
            int descriptor = Syscall.open(
                System.IO.Path.Combine(directory, "probe"),
                OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_DIRECT,
                FilePermissions.S_IRUSR | FilePermissions.S_IWUSR);
            return descriptor >= 0 && Syscall.close(descriptor) == 0;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string CreateIn(string parent) =>
        Directory.CreateDirectory(
            System.IO.Path.Combine(parent, "imageio-" + System.IO.Path.GetRandomFileName())).FullName;
}
