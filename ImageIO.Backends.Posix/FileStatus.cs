using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <summary>The kernel's view of an open file: struct statx of statx(2), the same on all architectures.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal unsafe partial struct FileStatus
{
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_SIZE = 0x200;
    private const uint STATX_BASIC_STATS = 0x7ff;
    private const uint STATX_BTIME = 0x800;
    private const uint STATX_DIOALIGN = 0x2000; // Linux 6.1

    [FieldOffset(0)]
    private readonly uint _mask;

    [FieldOffset(28)]
    private readonly ushort _mode;

    [FieldOffset(32)]
    private readonly ulong _inode;

    [FieldOffset(40)]
    private readonly ulong _size;

    [FieldOffset(80)]
    private readonly long _bornSeconds;

    [FieldOffset(88)]
    private readonly uint _bornNanoseconds;

    [FieldOffset(128)]
    private readonly uint _ownMajor;

    [FieldOffset(132)]
    private readonly uint _ownMinor;

    [FieldOffset(136)]
    private readonly uint _deviceMajor;

    [FieldOffset(140)]
    private readonly uint _deviceMinor;

    [FieldOffset(156)]
    private readonly uint _directOffsetAlignment;

    /// <summary>Bytes of a regular file.</summary>
    public readonly long Size => (long)_size;

    /// <summary>
    /// Alignment of offsets and lengths for direct I/O, in bytes. 0: this file has no direct I/O. Null: kernel or file
    /// system do
    /// not tell.
    /// </summary>
    public readonly int? DirectAlignment => (_mask & STATX_DIOALIGN) != 0 ? (int)_directOffsetAlignment : null;

    /// <summary>
    /// Equal for all paths to the same image: the device's number, or the file's device, inode and time of birth,
    /// because the
    /// number of an inode is reused.
    /// </summary>
    public readonly string Identity
    {
        get
        {
            if (IsDevice)
            {
                return $"device {_ownMajor}:{_ownMinor}";
            }

            string born = (_mask & STATX_BTIME) != 0 ? $" born {_bornSeconds}.{_bornNanoseconds:d9}" : "";
            return $"device {_deviceMajor}:{_deviceMinor} inode {_inode}{born}";
        }
    }

    /// <summary>The file system of a file. Null for a device: nothing says which other devices fail with it.</summary>
    public readonly string? Storage => IsDevice ? null : $"device {_deviceMajor}:{_deviceMinor}";

    private readonly bool IsDevice => ((FilePermissions)_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFBLK;

    /// <summary>Reads everything. 0 is success.</summary>
    public static Errno Of(SafeFileHandle file, out FileStatus status) =>
        Ask(file, STATX_BASIC_STATS | STATX_BTIME | STATX_DIOALIGN, out status);

    /// <summary>Reads the size alone. 0 is success.</summary>
    public static Errno SizeOf(SafeFileHandle file, out long size)
    {
        Errno errno = Ask(file, STATX_SIZE, out FileStatus status);
        size = status.Size;
        return errno;
    }

    private static Errno Ask(SafeFileHandle file, uint mask, out FileStatus status)
    {
        byte noPath = 0;
        fixed (FileStatus* answer = &status)
        {
            while (StatxCall(file, &noPath, AT_EMPTY_PATH, mask, answer) != 0)
            {
                Errno errno = LibC.LastError();
                if (errno != Errno.EINTR)
                {
                    status = default;
                    return errno;
                }
            }

            return 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int StatxCall(SafeFileHandle file, byte* path, int flags, uint mask, FileStatus* status);
}
