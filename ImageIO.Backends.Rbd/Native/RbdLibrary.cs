using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>Loads librados and librbd, and checks their versions.</summary>
internal static class RbdLibrary
{
    // A static initializer of librbd needs 0.9 MiB of stack, more than storage threads have.
    private const int StackSize = 8 * 1024 * 1024;

    private static readonly Lazy<string?> Loaded = new(() => LoadOnLargeStack(LibRados.Library, LibRbd.Library));

    /// <summary>Why images cannot be served on this host. Null: they can; the libraries are loaded then.</summary>
    public static string? Unavailable => Loaded.Value;

    /// <summary>Loads two libraries. The problem with its remedy, or null.</summary>
    internal static string? LoadOnLargeStack(string rados, string rbd)
    {
        string? wrong = null;
        var thread = new Thread(() => wrong = Load(rados, rbd), StackSize) { IsBackground = true, Name = "rbd-load" };
        thread.Start();
        thread.Join();
        return wrong;
    }

    /// <summary>
    /// Whether a version of Ceph, like 16.2.15, is known to work. One that cannot be read is trusted.
    /// </summary>
    /// <remarks>Before these, a writer whose client is blocklisted can hang for ever (ceph/ceph#50926).</remarks>
    internal static bool IsNewEnough(string? version)
    {
        if (!Version.TryParse(version?.Split('-')[0], out Version? parsed))
        {
            return true;
        }

        return parsed.Major switch
        {
            16 => parsed >= new Version(16, 2, 14),
            17 => parsed >= new Version(17, 2, 7),
            var major => major > 17,
        };
    }

    private static string? Load(string rados, string rbd)
    {
        foreach (string name in (string[])[rados, rbd])
        {
            if (!NativeLibrary.TryLoad(name, typeof(RbdLibrary).Assembly, null, out nint library))
            {
                return $"{name} cannot be loaded: install {(name == rados ? "librados2" : "librbd1")} and restart "
                    + $"the daemon";
            }

            string? version = VersionOf(library);
            if (!IsNewEnough(version))
            {
                return $"{name} is of Ceph {version}, which is too old: install librbd1 of 16.2.14, 17.2.7, 18 or "
                    + $"later and "
                    + "restart the daemon";
            }
        }

        return null;
    }

    // ceph_version_to_str() of the common library behind both; the C interface has no version of Ceph itself.
    private static unsafe string? VersionOf(nint library) =>
        NativeLibrary.TryGetExport(library, "_Z19ceph_version_to_strv", out nint function)
            ? Marshal.PtrToStringUTF8((nint)((delegate* unmanaged[Cdecl]<byte*>)function)())
            : null;
}
