using Mono.Unix.Native;

namespace ImageIO.Transport.Files;

/// <summary>Identifies a version of a file, to detect that it was replaced or written.</summary>
/// <remarks>
/// Includes inode and change time, because "cp -p" and a switched link may bring a file of the same length and
/// modification time.
/// </remarks>
/// <param name="Device">Its file system.</param>
/// <param name="Node">Its inode.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Written">When its content was last written.</param>
/// <param name="Changed">When its content or metadata last changed.</param>
/// <param name="IsHidden">Whether this user may not look at it; everything else is then 0.</param>
public readonly record struct FileState(
    ulong Device, ulong Node, long Length, Timespec Written, Timespec Changed, bool IsHidden = false)
{
    /// <summary>The current state of a file, links followed. A missing or hidden file has a state, too.</summary>
    public static FileState Of(string path) => Syscall.stat(path, out Stat stat) == 0
        ? new FileState(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtim, stat.st_ctim)
        : default(FileState) with { IsHidden = Stdlib.GetLastError() == Errno.EACCES };

    /// <summary>When its content was last written.</summary>
    public DateTimeOffset WrittenAt => DateTimeOffset.FromUnixTimeSeconds(Written.tv_sec);

    /// <summary>Whether both are states of the same file, written in between or not.</summary>
    public bool IsSameFile(FileState other) => Device == other.Device && Node == other.Node;
}
