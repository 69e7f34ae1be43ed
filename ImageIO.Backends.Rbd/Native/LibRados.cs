using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>Functions of librados.so.2, as in rados/librados.h. Negative results are errors.</summary>
internal static partial class LibRados
{
    internal const string Library = "librados.so.2";

    [LibraryImport(Library, EntryPoint = "rados_create", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Create(out nint cluster, string id);

    [LibraryImport(Library, EntryPoint = "rados_conf_read_file", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ReadConfFile(ClusterHandle cluster, string path);

    [LibraryImport(Library, EntryPoint = "rados_conf_set", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SetConf(ClusterHandle cluster, string option, string value);

    [LibraryImport(Library, EntryPoint = "rados_connect")]
    internal static partial int Connect(ClusterHandle cluster);

    [LibraryImport(Library, EntryPoint = "rados_shutdown")]
    internal static partial void ShutDown(nint cluster);

    [LibraryImport(Library, EntryPoint = "rados_cluster_fsid")]
    internal static unsafe partial int GetFsid(ClusterHandle cluster, byte* text, nuint length);

    [LibraryImport(Library, EntryPoint = "rados_ioctx_create", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int CreateIoContext(ClusterHandle cluster, string pool, out nint ioContext);

    [LibraryImport(Library, EntryPoint = "rados_ioctx_destroy")]
    internal static partial void DestroyIoContext(nint ioContext);

    [LibraryImport(Library, EntryPoint = "rados_ioctx_set_namespace", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void SetNamespace(IoContextHandle ioContext, string name);

    [LibraryImport(Library, EntryPoint = "rados_set_pool_full_try")]
    internal static partial int SetPoolFullTry(IoContextHandle ioContext);

    [LibraryImport(Library, EntryPoint = "rados_ioctx_get_id")]
    internal static partial long GetPoolId(IoContextHandle ioContext);
}
