using System.Runtime.Versioning;
using ImageIO.Backends.Block;
using ImageIO.Backends.File;
using ImageIO.Backends.Nbd;
using ImageIO.Backends.Nbd.Dialing;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging.Abstractions;
using Mono.Unix.Native;

namespace ImageIO.Client.Local;

/// <summary>Opens local files and block devices.</summary>
internal static class LocalStorage
{
    /// <summary>Opens an existing file or device.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>.</exception>
    public static async ValueTask<IBackend> OpenAsync(string path, bool write, CancellationToken cancellationToken)
    {
        if (IsNbd(path))
        {
            return await OpenNbdAsync(path, write, cancellationToken).ConfigureAwait(false);
        }

        if (Directory.Exists(path) || !File.Exists(path))
        {
            throw new TransferException(
                TransferError.ImageUnavailable,
                Directory.Exists(path) ? $"{path} is a directory" : $"There is no file {path}");
        }

        return OperatingSystem.IsLinux()
            ? await OpenOnLinuxAsync(path, write, cancellationToken).ConfigureAwait(false)
            : PortableFile.Open(path, write);
    }

    /// <summary>Whether a name of an image is an NBD URL.</summary>
    public static bool IsNbd(string path) => path.StartsWith("nbd:", StringComparison.Ordinal)
        || path.StartsWith("nbds:", StringComparison.Ordinal) || path.StartsWith("nbd+unix:", StringComparison.Ordinal)
        || path.StartsWith("nbds+unix:", StringComparison.Ordinal);

    /// <summary>Opens an export of an NBD server.</summary>
    public static ValueTask<IBackend> OpenNbdAsync(string url, bool write, CancellationToken cancellationToken) =>
        OperatingSystem.IsLinux()
            ? new NbdBackendFactory(new NbdSettings(), NullLogger<NbdBackendFactory>.Instance)
                .OpenAsync(ImageUrl.Parse(url), new ImageAccess(write), cancellationToken)
            : throw new TransferException(TransferError.NotSupported, "NBD is supported on Linux only");

    /// <summary>Whether a path is a block device, which has a fixed size and old content.</summary>
    public static bool IsBlockDevice(string path) =>
        OperatingSystem.IsLinux()
            && File.Exists(path) && new BlockBackendFactory(NullLogger<BlockBackendFactory>.Instance)
            .Accepts(ImageUrl.Parse($"file:{Path.GetFullPath(path)}"));

    /// <summary>
    /// The file's number in its file system, which another file of the same name has not. 0: there are none here.
    /// </summary>
    public static ulong InodeOf(string path) =>
        OperatingSystem.IsLinux() && Syscall.stat(path, out Stat stat) == 0 ? stat.st_ino : 0;

    [SupportedOSPlatform("linux")]
    private static ValueTask<IBackend> OpenOnLinuxAsync(string path, bool write, CancellationToken cancellationToken)
    {
        var url = ImageUrl.Parse($"file:{Path.GetFullPath(path)}");
        IBackendFactory factory = IsBlockDevice(path)
            ? new BlockBackendFactory(NullLogger<BlockBackendFactory>.Instance)
            : new FileBackendFactory();
        return factory.OpenAsync(url, new ImageAccess(write), cancellationToken);
    }
}
