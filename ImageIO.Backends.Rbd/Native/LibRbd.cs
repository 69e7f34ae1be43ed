using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>Functions of librbd.so.1 on images, as in rbd/librbd.h. Negative results are errors.</summary>
internal static partial class LibRbd
{
    internal const string Library = "librbd.so.1";

    [LibraryImport(Library, EntryPoint = "rbd_version")]
    internal static partial void GetVersion(out int major, out int minor, out int extra);

    [LibraryImport(Library, EntryPoint = "rbd_aio_open", StringMarshalling = StringMarshalling.Utf8)]
    internal static unsafe partial int Open(
        IoContextHandle ioContext, string name, nint* image, string? snapshot, nint completion);

    [LibraryImport(Library, EntryPoint = "rbd_aio_open_read_only", StringMarshalling = StringMarshalling.Utf8)]
    internal static unsafe partial int OpenReadOnly(
        IoContextHandle ioContext, string name, nint* image, string? snapshot, nint completion);

    [LibraryImport(Library, EntryPoint = "rbd_aio_open_by_id_read_only", StringMarshalling = StringMarshalling.Utf8)]
    internal static unsafe partial int OpenByIdReadOnly(
        IoContextHandle ioContext, string id, nint* image, string? snapshot, nint completion);

    [LibraryImport(Library, EntryPoint = "rbd_aio_close")]
    internal static partial int Close(nint image, nint completion);

    [LibraryImport(Library, EntryPoint = "rbd_get_size")]
    internal static partial int GetSize(RbdImageHandle image, out ulong size);

    [LibraryImport(Library, EntryPoint = "rbd_get_features")]
    internal static partial int GetFeatures(RbdImageHandle image, out ulong features);

    [LibraryImport(Library, EntryPoint = "rbd_get_flags")]
    internal static partial int GetFlags(RbdImageHandle image, out ulong flags);

    [LibraryImport(Library, EntryPoint = "rbd_stat")]
    internal static partial int Stat(RbdImageHandle image, out RbdImageInfo info, nuint size);

    [LibraryImport(Library, EntryPoint = "rbd_get_stripe_unit")]
    internal static partial int GetStripeUnit(RbdImageHandle image, out ulong bytes);

    [LibraryImport(Library, EntryPoint = "rbd_get_stripe_count")]
    internal static partial int GetStripeCount(RbdImageHandle image, out ulong count);

    [LibraryImport(Library, EntryPoint = "rbd_get_id")]
    internal static unsafe partial int GetId(RbdImageHandle image, byte* id, nuint length);

    [LibraryImport(Library, EntryPoint = "rbd_snap_get_id", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int GetSnapshotId(RbdImageHandle image, string name, out ulong id);

    [LibraryImport(Library, EntryPoint = "rbd_namespace_exists", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int NamespaceExists(IoContextHandle ioContext, string name, out byte exists);

    [LibraryImport(Library, EntryPoint = "rbd_update_watch")]
    internal static unsafe partial int Watch(
        RbdImageHandle image, out ulong watch, delegate* unmanaged[Cdecl]<nint, void> changed, nint argument);

    [LibraryImport(Library, EntryPoint = "rbd_config_image_list")]
    internal static unsafe partial int ListConfig(RbdImageHandle image, RbdConfigOption* options, ref int count);

    [LibraryImport(Library, EntryPoint = "rbd_config_image_list_cleanup")]
    internal static unsafe partial void FreeConfig(RbdConfigOption* options, int count);

    [LibraryImport(Library, EntryPoint = "rbd_lock_get_owners")]
    internal static unsafe partial int GetLockOwners(
        RbdImageHandle image, out int mode, byte** owners, ref nuint count);

    [LibraryImport(Library, EntryPoint = "rbd_lock_get_owners_cleanup")]
    internal static unsafe partial void FreeLockOwners(byte** owners, nuint count);

    [LibraryImport(Library, EntryPoint = "rbd_diff_iterate2", StringMarshalling = StringMarshalling.Utf8)]
    internal static unsafe partial int Diff(
        RbdImageHandle image,
        string? fromSnapshot,
        ulong offset,
        ulong length,
        byte includeParent,
        byte wholeObject,
        delegate* unmanaged[Cdecl]<ulong, nuint, int, nint, int> found,
        nint argument);
}
