using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <summary>System calls that Mono.Posix lacks, named after their man pages. Errors are returned as values.</summary>
internal static partial class LibC
{
    /// <summary>fallocate(2): the file's size does not change.</summary>
    public const int FALLOC_FL_KEEP_SIZE = 0x01;

    /// <summary>fallocate(2): give the space back; reads as zeroes afterwards. Needs FALLOC_FL_KEEP_SIZE.</summary>
    public const int FALLOC_FL_PUNCH_HOLE = 0x02;

    /// <summary>fallocate(2): keep the space; reads as zeroes afterwards.</summary>
    public const int FALLOC_FL_ZERO_RANGE = 0x10;

    private const int SEEK_DATA = 3;
    private const int SEEK_HOLE = 4;

    /// <summary>fallocate(2), repeated after a signal. 0 is success.</summary>
    public static Errno Fallocate(SafeFileHandle file, int mode, long offset, long length)
    {
        Errno errno;
        do
        {
            errno = ErrnoOf(FallocateCall(file, mode, offset, length));
        }
        while (errno == Errno.EINTR);
        return errno;
    }

    /// <summary>fsync(2), repeated after a signal. 0 is success.</summary>
    public static Errno Fsync(SafeFileHandle file)
    {
        Errno errno;
        do
        {
            errno = ErrnoOf(FsyncCall(file));
        }
        while (errno == Errno.EINTR);
        return errno;
    }

    /// <summary>close(2) with its error, which disposing the handle would hide. 0 is success, or closed
    /// already.</summary>
    public static Errno Close(SafeFileHandle file)
    {
        if (file.IsClosed)
        {
            return 0;
        }

        int descriptor = (int)file.DangerousGetHandle();
        file.SetHandleAsInvalid();
        // Not repeated after a signal: the descriptor is closed then, and its number may be in use again (close(2)).
        Errno errno = ErrnoOf(CloseCall(descriptor));
        return errno == Errno.EINTR ? 0 : errno;
    }

    /// <summary>Start of the data at or after <paramref name="offset"/>: lseek(2) with SEEK_DATA. ENXIO:
    /// none.</summary>
    public static Errno SeekData(SafeFileHandle file, long offset, out long found) =>
        Seek(file, offset, SEEK_DATA, out found);

    /// <summary>Start of the hole at or after <paramref name="offset"/>, the end at last: lseek(2) with
    /// SEEK_HOLE.</summary>
    public static Errno SeekHole(SafeFileHandle file, long offset, out long found) =>
        Seek(file, offset, SEEK_HOLE, out found);

    // This moves the descriptor's offset, which is unused because all reads and writes are positional.
    private static Errno Seek(SafeFileHandle file, long offset, int whence, out long found)
    {
        found = SeekCall(file, offset, whence);
        return found < 0 ? LastError() : 0;
    }

    /// <summary>The errno of the last call. Read it at once, because any other call may change it.</summary>
    /// <remarks>
    /// May have no name in <see cref="Errno"/>, because a file system in user space can return any number. Numbers are
    /// the same on all supported architectures.
    /// </remarks>
    internal static Errno LastError() => (Errno)Marshal.GetLastPInvokeError();

    /// <summary>0, or the errno of a call with a negative result.</summary>
    private static Errno ErrnoOf(nint result) => result < 0 ? LastError() : 0;

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int FallocateCall(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseCall(int descriptor);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FsyncCall(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long SeekCall(SafeFileHandle file, long offset, int whence);
}
