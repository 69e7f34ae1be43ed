using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <summary>The path in a <c>file:</c> URL.</summary>
internal static class FilePath
{
    /// <summary>The scheme that the file and the block backend share.</summary>
    public const string Scheme = "file";

    /// <summary>The path of <c>file:/path</c> or <c>file:///path</c>, not decoded: managers do not percent-encode
    /// it.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: not an absolute path on this
    /// host.</exception>
    public static string Of(ImageUrl url)
    {
        string path = url.Rest.StartsWith("///", StringComparison.Ordinal) ? url.Rest[2..] : url.Rest;
        if (!path.StartsWith('/')
            || path.StartsWith("//", StringComparison.Ordinal) || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new TransferException(
                TransferError.ImageUnavailable, $"'{url}' names no absolute path; use file:///path");
        }

        return path;
    }

    /// <summary>Whether a URL's path is a block device. False if it does not exist.</summary>
    public static bool IsBlockDevice(ImageUrl url) => TypeOf(url) == FilePermissions.S_IFBLK;

    /// <summary>The file type of a URL's path, links followed: an <c>S_IF</c> constant, or 0 if there is no
    /// file.</summary>
    public static FilePermissions TypeOf(ImageUrl url) =>
        Syscall.stat(Of(url), out Stat stat) == 0
            ? stat.st_mode & FilePermissions.S_IFMT
            : 0;
}
