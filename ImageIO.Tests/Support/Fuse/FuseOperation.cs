namespace ImageIO.Tests.Support.Fuse;

/// <summary>
/// The calls that a test can hook, named after the system call that causes them. Values are FUSE opcodes.
/// </summary>
internal enum FuseOperation
{
    /// <summary>Every path walk that reaches the file, so also the first part of open(2) and stat(2).</summary>
    Lookup = 1,

    /// <summary>fstat(2), and what the kernel asks by itself to learn the size.</summary>
    Stat = 3,

    /// <summary>ftruncate(2). <see cref="FuseCall.Length"/> is the new size.</summary>
    Truncate = 4,

    /// <summary>open(2).</summary>
    Open = 14,

    /// <summary>pread(2).</summary>
    Read = 15,

    /// <summary>pwrite(2).</summary>
    Write = 16,

    /// <summary>statfs(2).</summary>
    StatFileSystem = 17,

    /// <summary>The last close of an open file. The caller does not wait for it.</summary>
    Release = 18,

    /// <summary>fsync(2).</summary>
    Fsync = 20,

    /// <summary>close(2), which waits for it.</summary>
    Close = 25,

    /// <summary>fallocate(2).</summary>
    Allocate = 43,

    /// <summary>lseek(2) with SEEK_DATA or SEEK_HOLE. <see cref="FuseCall.Mode"/> is which.</summary>
    Seek = 46,
}
