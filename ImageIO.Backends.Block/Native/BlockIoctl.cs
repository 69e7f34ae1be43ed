using System.Runtime.InteropServices;
using ImageIO.Backends.Posix;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.Block.Native;

/// <summary>The ioctl(2) requests of block devices, named as in linux/fs.h. Errors are returned as values.</summary>
/// <remarks>
/// The numbers are those of asm-generic/ioctl.h, for x86-64 and arm64. mips, powerpc and sparc encode _IOR differently
/// and are not supported.
/// </remarks>
internal static unsafe partial class BlockIoctl
{
    private const ulong BLKSSZGET = 0x1268;         // _IO(0x12, 104): int, bytes
    private const ulong BLKGETSIZE64 = 0x80081272;  // _IOR(0x12, 114, size_t): u64, bytes
    private const ulong BLKPBSZGET = 0x127b;        // _IO(0x12, 123): unsigned int, bytes
    // _IOR(0x12, 128, u64): a number that no other disk gets until a reboot
    private const ulong BLKGETDISKSEQ = 0x80081280;
    private const ulong BLKZEROOUT = 0x127f;        // _IO(0x12, 127): u64[2], offset and length in bytes

    /// <summary>Current size of the device in bytes.</summary>
    public static Errno GetSize(SafeFileHandle device, out long bytes)
    {
        ulong size = 0;
        Errno errno = Call(device, BLKGETSIZE64, &size);
        bytes = (long)size;
        return errno;
    }

    /// <summary>Size of a logical sector in bytes, the alignment of direct I/O.</summary>
    public static Errno GetLogicalSectorSize(SafeFileHandle device, out int bytes)
    {
        int size = 0;
        Errno errno = Call(device, BLKSSZGET, &size);
        bytes = size;
        return errno;
    }

    /// <summary>Size of a physical sector in bytes, which the medium writes at once; a multiple of the logical
    /// one.</summary>
    public static Errno GetPhysicalSectorSize(SafeFileHandle device, out int bytes)
    {
        uint size = 0;
        Errno errno = Call(device, BLKPBSZGET, &size);
        bytes = (int)size;
        return errno;
    }

    /// <summary>The number of the disk among all disks since the system's start. Linux 5.15.</summary>
    public static Errno GetDiskSequence(SafeFileHandle device, out long sequence)
    {
        ulong number = 0;
        Errno errno = Call(device, BLKGETDISKSEQ, &number);
        sequence = (long)number;
        return errno;
    }

    /// <summary>Zeroes a range and keeps its space. The kernel writes zeroes if the device has no command for
    /// it.</summary>
    public static Errno ZeroOut(SafeFileHandle device, long offset, long length)
    {
        ulong* range = stackalloc ulong[] { (ulong)offset, (ulong)length };
        return Call(device, BLKZEROOUT, range);
    }

    private static Errno Call(SafeFileHandle device, ulong request, void* argument)
    {
        while (true)
        {
            if (IoctlCall(device, request, argument) == 0)
            {
                return 0;
            }

            Errno errno = LibC.LastError();
            if (errno != Errno.EINTR)
            {
                return errno;
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoctlCall(SafeFileHandle device, ulong request, void* argument);
}
