using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <summary>
/// An open file or device with direct I/O: positional reads, writes, flush. They block the caller's thread, which is one
/// for storage (<see cref="Core.Backends.IBackend"/>), and every failure names call, path and range.
/// </summary>
internal sealed class DirectFile : IDisposable
{
    // The smallest sector in use, and the largest: what cannot be told apart is treated as the largest.
    private const int SmallSector = 512;
    private const int LargeSector = 4096;

    private DirectFile(string path, SafeFileHandle handle, bool isDirect)
    {
        Path = path;
        Handle = handle;
        IsDirect = isDirect;
        Identity = Identify(handle);
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The descriptor, for calls that only one kind of storage has.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Whether the page cache is bypassed. False: this file system cannot (open(2), EINVAL).</summary>
    public bool IsDirect { get; }

    /// <summary>The same for every path that leads here: the device's number, or the file's device and inode (stat(2)).</summary>
    public string? Identity { get; }

    /// <summary>Opens an existing file or device.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>.</exception>
    public static DirectFile Open(string path, bool write)
    {
        // Through Mono.Posix, which knows the flags' values: O_DIRECT differs by architecture.
        OpenFlags flags = (write ? OpenFlags.O_RDWR : OpenFlags.O_RDONLY) | OpenFlags.O_CLOEXEC;
        bool direct = true;
        SafeFileHandle handle = Open(path, flags | OpenFlags.O_DIRECT, out Errno errno);
        if (handle.IsInvalid && errno == Errno.EINVAL)
        {
            direct = false;
            handle = Open(path, flags, out errno);
        }

        return handle.IsInvalid
            ? throw PosixError.Unavailable($"open({path}, {(write ? "read and write" : "read")})", errno)
            : new DirectFile(path, handle, direct);
    }

    /// <summary>Size of a regular file in bytes, now.</summary>
    public long Length => RandomAccess.GetLength(Handle);

    /// <summary>Reads until the buffer is full or the file ends; returns how much came.</summary>
    public int Read(Span<byte> destination, long offset)
    {
        int total = 0;
        try
        {
            while (total < destination.Length)
            {
                int read = RandomAccess.Read(Handle, destination[total..], offset + total);
                total += read;
                // A short count that is no multiple of a sector is the file's end, and reading on from there would be
                // misaligned. Whose sectors are small ends early at a multiple of theirs: the caller knows the size.
                if (read == 0 || !Alignment.IsAligned(total, LargeSector))
                {
                    break;
                }
            }
        }
        catch (Exception e) when (PosixError.IsStorageFailure(e))
        {
            throw PosixError.Storage($"pread({Path}, {destination.Length} bytes at {offset})", e);
        }

        return total;
    }

    /// <summary>Writes everything.</summary>
    public void Write(ReadOnlySpan<byte> source, long offset)
    {
        try
        {
            // Loops over short counts itself.
            RandomAccess.Write(Handle, source, offset);
        }
        catch (Exception e) when (PosixError.IsStorageFailure(e))
        {
            throw PosixError.Storage($"pwrite({Path}, {source.Length} bytes at {offset})", e);
        }
    }

    /// <summary>Makes completed writes durable: fsync(2).</summary>
    public void Flush()
    {
        // Not RandomAccess.FlushToDisk: that calls EROFS a success, which is what fsync(2) says on a file system that
        // went read-only after an error. The data is lost then.
        Errno errno = LibC.Fsync(Handle);
        if (errno != 0)
        {
            throw PosixError.Storage($"fsync({Path})", errno);
        }
    }

    /// <summary>
    /// The smallest of 512 and 4096 bytes that direct I/O accepts on a regular file; 4096 where a file without data does
    /// not tell.
    /// </summary>
    /// <remarks>
    /// Only data tells: reading a hole or a preallocated range does no I/O, and so succeeds on ext4 and xfs however it
    /// is aligned.
    /// </remarks>
    public int DetectBlockSize()
    {
        // EINVAL: a file system that knows no holes, where every byte is data.
        Errno errno = LibC.SeekData(Handle, 0, out long data);
        if (Length == 0 || errno is not (0 or Errno.EINVAL))
        {
            return LargeSector;
        }

        long offset = errno == 0 ? Alignment.Down(data, SmallSector) : 0;
        using AlignedBuffer probe = AlignedBuffer.Allocate(LargeSector);
        try
        {
            RandomAccess.Read(Handle, probe.Memory.Span[..SmallSector], offset);
            return SmallSector;
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            // EINVAL: sectors are larger. Anything else will show again, with its name, at the first real read.
            return LargeSector;
        }
    }

    /// <summary>Closes the descriptor.</summary>
    public void Dispose() => Handle.Dispose();

    private static string? Identify(SafeFileHandle handle)
    {
        if (Syscall.fstat((int)handle.DangerousGetHandle(), out Stat stat) != 0)
        {
            return null;
        }

        return (stat.st_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFBLK
            ? $"device {stat.st_rdev:x}"
            : $"device {stat.st_dev:x} inode {stat.st_ino}";
    }

    private static SafeFileHandle Open(string path, OpenFlags flags, out Errno errno)
    {
        int descriptor;
        do
        {
            descriptor = Syscall.open(path, flags);
            errno = descriptor < 0 ? Stdlib.GetLastError() : 0;
        }
        while (errno == Errno.EINTR);

        return new SafeFileHandle(descriptor, ownsHandle: true);
    }
}
