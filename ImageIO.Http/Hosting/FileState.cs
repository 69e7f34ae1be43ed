using Mono.Unix.Native;

namespace ImageIO.Http.Hosting;

/// <summary>What tells that a file was replaced or written: asked before a key or certificate is used again.</summary>
/// <remarks>
/// Node and change time beside what a copy can preserve: "cp -p" and a switched link may bring a file of the same length
/// and the same modification time.
/// </remarks>
/// <param name="Device">The file system that it is on.</param>
/// <param name="Node">Its inode.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Written">When its content was written last.</param>
/// <param name="Changed">When anything about it changed last.</param>
/// <param name="IsHidden">Whether this user may not look at it; everything else is 0 then.</param>
public readonly record struct FileState(
    ulong Device, ulong Node, long Length, Timespec Written, Timespec Changed, bool IsHidden = false)
{
    /// <summary>
    /// The state of a file now, links followed. One that is not there, or not ours to see, is a state like any other;
    /// reading it will say why.
    /// </summary>
    public static FileState Of(string path) => Syscall.stat(path, out Stat stat) == 0
        ? new FileState(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtim, stat.st_ctim)
        : default(FileState) with { IsHidden = Stdlib.GetLastError() == Errno.EACCES };

    /// <summary>When its content was written last, as a time.</summary>
    public DateTimeOffset WrittenAt => DateTimeOffset.FromUnixTimeSeconds(Written.tv_sec);

    /// <summary>Whether both are one file, whatever has been written to it.</summary>
    public bool IsSameFile(FileState other) => Device == other.Device && Node == other.Node;
}
