using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageIO.Backends.Nbd.Native;

/// <summary>The system calls that the framework lacks, named after their man pages.</summary>
internal static unsafe partial class LibC
{
    // open(2): the same on x86-64 and arm64.
    private const int O_PATH = 0x200000;
    private const int O_CLOEXEC = 0x80000;

    // statx(2), with the offset of stx_mode.
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_TYPE = 1;
    private const int StatxSize = 256;
    private const int ModeOffset = 28;
    private const int TypeMask = 0xF000; // S_IFMT
    private const int SocketType = 0xC000; // S_IFSOCK

    /// <summary>
    /// A descriptor that only stands for a file, links followed: nothing is opened. Invalid: see errno.
    /// </summary>
    public static SafeFileHandle OpenPath(string path) => new(Open(path, O_PATH | O_CLOEXEC), ownsHandle: true);

    /// <summary>Whether a descriptor is that of a socket.</summary>
    public static bool IsSocket(SafeFileHandle file)
    {
        byte* status = stackalloc byte[StatxSize];
        return Statx(file, "", AT_EMPTY_PATH, STATX_TYPE, status) == 0
            && (*(ushort*)(status + ModeOffset) & TypeMask) == SocketType;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(SafeFileHandle directory, string path, int flags, uint mask, byte* status);
}
