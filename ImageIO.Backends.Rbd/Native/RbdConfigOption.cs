using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>rbd_config_option_t of rbd/librbd.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RbdConfigOption
{
    internal byte* Name;
    internal byte* Value;

    /// <summary>Where it was set: 0 the configuration, 1 the pool, 2 the image.</summary>
    internal int Source;
}
