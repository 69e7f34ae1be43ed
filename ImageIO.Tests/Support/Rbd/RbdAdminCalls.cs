using System.Runtime.InteropServices;
using ImageIO.Backends.Rbd.Native;

namespace ImageIO.Tests.Support.Rbd;

/// <summary>Functions of librbd and librados that the backend does not need.</summary>
internal static partial class RbdAdminCalls
{
    private const string Rbd = "librbd.so.1";

    [LibraryImport(Rbd, EntryPoint = "rbd_image_options_create")]
    internal static partial void CreateOptions(out nint options);

    [LibraryImport(Rbd, EntryPoint = "rbd_image_options_destroy")]
    internal static partial void DestroyOptions(nint options);

    [LibraryImport(Rbd, EntryPoint = "rbd_image_options_set_uint64")]
    internal static partial int SetOption(nint options, int option, ulong value);

    [LibraryImport(Rbd, EntryPoint = "rbd_image_options_set_string", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SetOption(nint options, int option, string value);

    [LibraryImport(Rbd, EntryPoint = "rbd_create4", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Create(IoContextHandle pool, string name, ulong size, nint options);

    [LibraryImport(Rbd, EntryPoint = "rbd_clone3", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Clone(
        IoContextHandle parentPool, string parent, string snapshot, IoContextHandle pool, string name, nint options);

    [LibraryImport(Rbd, EntryPoint = "rbd_remove", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Remove(IoContextHandle pool, string name);

    [LibraryImport(Rbd, EntryPoint = "rbd_namespace_create", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int CreateNamespace(IoContextHandle pool, string name);

    [LibraryImport(Rbd, EntryPoint = "rbd_open", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(IoContextHandle pool, string name, out nint image, string? snapshot);

    [LibraryImport(Rbd, EntryPoint = "rbd_close")]
    internal static partial int Close(nint image);

    [LibraryImport(Rbd, EntryPoint = "rbd_snap_create", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int CreateSnapshot(nint image, string name);

    [LibraryImport(Rbd, EntryPoint = "rbd_snap_protect", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ProtectSnapshot(nint image, string name);

    [LibraryImport(Rbd, EntryPoint = "rbd_snap_remove", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int RemoveSnapshot(nint image, string name);

    [LibraryImport(Rbd, EntryPoint = "rbd_write")]
    internal static unsafe partial nint Write(nint image, ulong offset, nuint length, byte* bytes);

    [LibraryImport(Rbd, EntryPoint = "rbd_resize")]
    internal static partial int Resize(nint image, ulong size);

    [LibraryImport(Rbd, EntryPoint = "rbd_metadata_set", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SetMetadata(nint image, string key, string value);

    [LibraryImport(Rbd, EntryPoint = "rbd_lock_acquire")]
    internal static partial int AcquireLock(nint image, int exclusive);

    [LibraryImport(Rbd, EntryPoint = "rbd_lock_get_owners")]
    internal static unsafe partial int GetLockOwners(nint image, out int mode, byte** owners, ref nuint count);

    [LibraryImport(Rbd, EntryPoint = "rbd_lock_get_owners_cleanup")]
    internal static unsafe partial void FreeLockOwners(byte** owners, nuint count);

    [LibraryImport("librados.so.2", EntryPoint = "rados_mon_command")]
    internal static unsafe partial int MonitorCommand(
        ClusterHandle cluster,
        byte** commands, nuint count, byte* input, nuint inputLength, byte** output, nuint* outputLength,
        byte** status, nuint* statusLength);
}
