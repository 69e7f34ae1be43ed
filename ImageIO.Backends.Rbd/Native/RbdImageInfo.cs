using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>rbd_image_info_t of rbd/librbd.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RbdImageInfo
{
    internal ulong Size;
    internal ulong ObjectSize;
    internal ulong ObjectCount;
    internal int Order;
    internal BlockNamePrefix DeprecatedPrefix;
    internal long DeprecatedParentPool;
    internal ParentName DeprecatedParentName;

    [InlineArray(24)]
    internal struct BlockNamePrefix
    {
        private byte _first;
    }

    [InlineArray(96)]
    internal struct ParentName
    {
        private byte _first;
    }
}
