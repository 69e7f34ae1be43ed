using System.Runtime.InteropServices;
using ImageIO.Backends.Posix;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.Block.Native;

/// <summary>The ioctl(2) requests of block devices, named as in linux/fs.h. Errors come back as values.</summary>
/// <remarks>
/// The numbers follow asm-generic/ioctl.h, which x86-64 and arm64 share; mips, powerpc and sparc have their own
/// encoding of _IOR and are not served.
/// </remarks>
internal static unsafe partial class BlockIoctl
{
    private const ulong BLKSSZGET = 0x1268;         // _IO(0x12, 104): int, bytes
    private const ulong BLKGETSIZE64 = 0x80081272;  // _IOR(0x12, 114, size_t): u64, bytes
    private const ulong BLKPBSZGET = 0x127b;        // _IO(0x12, 123): unsigned int, bytes
    private const ulong BLKGETDISKSEQ = 0x80081280; // _IOR(0x12, 128, u64): a number that no other disk gets until a reboot
    private const ulong BLKZEROOUT = 0x127f;        // _IO(0x12, 127): u64[2], offset and length in bytes

    /// <summary>Size of the device in bytes, now.</summary>
    public static Errno GetSize(SafeFileHandle device, out long bytes)
    {
        ulong size = 0;
        Errno errno = Call(device, BLKGETSIZE64, &size);
        bytes = (long)size;
        return errno;
    }

    /// <summary>Size of a logical sector in bytes: what direct I/O must be aligned to.</summary>
    public static Errno GetLogicalSectorSize(SafeFileHandle device, out int bytes)
    {
        int size = 0;
        Errno errno = Call(device, BLKSSZGET, &size);
        bytes = size;
        return errno;
    }

    /// <summary>Size of a physical sector in bytes: what the medium writes at once, a multiple of the logical one.</summary>
    public static Errno GetPhysicalSectorSize(SafeFileHandle device, out int bytes)
    {
        uint size = 0;
        Errno errno = Call(device, BLKPBSZGET, &size);
        bytes = (int)size;
        return errno;
    }

    /// <summary>The number of the disk among all that there have been since the system's start. Linux 5.15.</summary>
    public static Errno GetDiskSequence(SafeFileHandle device, out long sequence)
    {
        ulong number = 0;
        Errno errno = Call(device, BLKGETDISKSEQ, &number);
        sequence = (long)number;
        return errno;
    }

    /// <summary>Zeroes a range and keeps its space; the kernel writes zeroes where the device cannot do it itself.</summary>
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
