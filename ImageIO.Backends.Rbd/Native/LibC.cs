using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>malloc_trim(3).</summary>
internal static partial class LibC
{
    /// <summary>
    /// Gives memory that librbd has freed back to the system. Does nothing where the C library lacks it (musl).
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
