using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>malloc_trim(3).</summary>
internal static partial class LibC
{
    /// <summary>
    /// Returns memory that librbd has freed to the system. Does nothing if the C library lacks it (musl).
    /// </summary>
    internal static void TrimMemory()
    {
        try
        {
            _ = MallocTrim(0);
        }
        catch (EntryPointNotFoundException)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
