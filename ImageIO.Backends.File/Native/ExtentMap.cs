using System.Runtime.InteropServices;
using ImageIO.Backends.Posix;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.File.Native;

/// <summary>Asks a file system where a file is on its disk: ioctl(FS_IOC_FIEMAP), linux/fiemap.h.</summary>
internal static unsafe partial class ExtentMap
{
    private const ulong FS_IOC_FIEMAP = 0xc020660b; // _IOWR('f', 11, struct fiemap)

    // What an extent may be that is simply written: the last one, several in one, shared with another file. All other flags
    // say that it is not on the disk, or not as it is (not allocated yet, unwritten, compressed, inline).
    private const uint FIEMAP_EXTENT_LAST = 0x0001;
    private const uint FIEMAP_EXTENT_MERGED = 0x1000;
    private const uint FIEMAP_EXTENT_SHARED = 0x2000;
    private const uint PlainFlags = FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED | FIEMAP_EXTENT_SHARED;

    // The first extents are enough: a file that begins with more preallocated ones than these counts as one that cannot be told.
    private const int MostExtents = 64;

    /// <summary>Finds a range that was written to the disk. 0 is success.</summary>
    /// <param name="file">The file.</param>
    /// <param name="length">How long the range is at least, in bytes.</param>
    /// <param name="offset">Where it begins, or -1 when there is none.</param>
    public static Errno FindWritten(SafeFileHandle file, int length, out long offset)
    {
        offset = -1;
        var map = new Map { Length = ulong.MaxValue, Room = MostExtents };
        while (IoctlCall(file, FS_IOC_FIEMAP, &map) != 0)
        {
            Errno errno = LibC.LastError();
            if (errno != Errno.EINTR)
            {
                return errno;
            }
        }

        ReadOnlySpan<Extent> extents = map.Extents;
        foreach (ref readonly Extent extent in extents[..(int)Math.Min(map.Count, MostExtents)])
        {
            if ((extent.Flags & ~PlainFlags) == 0 && extent.Length >= (ulong)length)
            {
                offset = (long)extent.Logical;
                return 0;
            }
        }

        return 0;
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoctlCall(SafeFileHandle file, ulong request, Map* argument);

    // struct fiemap, with room for extents
    private struct Map
    {
        public ulong Start;
        public ulong Length;
        public uint Flags;
        public uint Count;
        public uint Room;
        public uint Reserved;
        public ExtentArray Extents;
    }

    [System.Runtime.CompilerServices.InlineArray(MostExtents)]
    private struct ExtentArray
    {
        private Extent _first;
    }

    // struct fiemap_extent
    [StructLayout(LayoutKind.Explicit, Size = 56)]
    private struct Extent
    {
        [FieldOffset(0)]
        public ulong Logical;

        [FieldOffset(16)]
        public ulong Length;

        [FieldOffset(40)]
        public uint Flags;
    }
}
