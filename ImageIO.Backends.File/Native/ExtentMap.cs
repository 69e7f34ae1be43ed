using System.Runtime.InteropServices;
using ImageIO.Backends.Posix;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.File.Native;

/// <summary>Reads where a file is on its disk: ioctl(FS_IOC_FIEMAP), linux/fiemap.h.</summary>
internal static unsafe partial class ExtentMap
{
    private const ulong FS_IOC_FIEMAP = 0xc020660b; // _IOWR('f', 11, struct fiemap)

    // Flags of a plainly written extent: the last one, merged, shared with another file. All other flags mean that the
    // data is not on the disk, or not in plain form (delayed, unwritten, compressed, inline).
    private const uint FIEMAP_EXTENT_LAST = 0x0001;
    private const uint FIEMAP_EXTENT_MERGED = 0x1000;
    private const uint FIEMAP_EXTENT_SHARED = 0x2000;
    private const uint PlainFlags = FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED | FIEMAP_EXTENT_SHARED;

    // Enough: if a file starts with more preallocated extents than these, its block size counts as unknown.
    private const int MostExtents = 64;

    /// <summary>Finds a range that was written to the disk. 0 is success.</summary>
    /// <param name="file">The file.</param>
    /// <param name="length">Least length of the range in bytes.</param>
    /// <param name="offset">Start of the range, or -1 if there is none.</param>
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
