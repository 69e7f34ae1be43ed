using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <remarks>
/// Positional reads and writes. Not by System.IO.RandomAccess: after one ENXIO or ESPIPE it uses read(2) and write(2)
/// for good, which ignore the position and report success.
/// </remarks>
internal static unsafe partial class LibC
{
    // sync_file_range(2): wait for running write-out, start it, and wait for it.
    private const uint SYNC_FILE_RANGE_WRITE_AND_WAIT = 1 | 2 | 4;

    private const int POSIX_FADV_DONTNEED = 4;

    /// <summary>pread(2), repeated after a signal. 0 is success, perhaps with fewer bytes than requested.</summary>
    public static Errno Pread(SafeFileHandle file, Span<byte> destination, long offset, out int count)
    {
        fixed (byte* bytes = destination)
        {
            nint result;
            Errno errno;
            do
            {
                result = PreadCall(file, bytes, destination.Length, offset);
                errno = ErrnoOf(result);
            }
            while (errno == Errno.EINTR);
            count = (int)result;
            return errno;
        }
    }

    /// <summary>pwrite(2), repeated after a signal. 0 is success, perhaps with fewer bytes than requested.</summary>
    public static Errno Pwrite(SafeFileHandle file, ReadOnlySpan<byte> source, long offset, out int count)
    {
        fixed (byte* bytes = source)
        {
            nint result;
            Errno errno;
            do
            {
                result = PwriteCall(file, bytes, source.Length, offset);
                errno = ErrnoOf(result);
            }
            while (errno == Errno.EINTR);
            count = (int)result;
            return errno;
        }
    }

    /// <summary>Writes a range out of the page cache: sync_file_range(2). Flushes neither metadata nor the disk's
    /// cache.</summary>
    public static Errno WriteOut(SafeFileHandle file, long offset, long length)
    {
        Errno errno;
        do
        {
            errno = ErrnoOf(SyncFileRangeCall(file, offset, length, SYNC_FILE_RANGE_WRITE_AND_WAIT));
        }
        while (errno == Errno.EINTR);
        return errno;
    }

    /// <summary>Drops the clean pages of a range from the page cache: posix_fadvise(2). Advice only, so it cannot
    /// fail.</summary>
    public static void DropFromCache(SafeFileHandle file, long offset, long length) =>
        _ = AdviseCall(file, offset, length, POSIX_FADV_DONTNEED);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static partial nint PreadCall(SafeFileHandle file, byte* buffer, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static partial nint PwriteCall(SafeFileHandle file, byte* buffer, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    private static partial int SyncFileRangeCall(SafeFileHandle file, long offset, long length, uint flags);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int AdviseCall(SafeFileHandle file, long offset, long length, int advice);
}
