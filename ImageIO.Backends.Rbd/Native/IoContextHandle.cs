using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>rados_ioctx_t: a pool and a namespace. Must be disposed of before its cluster.</summary>
internal sealed class IoContextHandle : SafeHandle
{
    private IoContextHandle(nint ioContext)
        : base(0, ownsHandle: true) => SetHandle(ioContext);

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>Looks up a pool. Blocks without a limit if the monitors cannot be reached.</summary>
    /// <exception cref="RbdException">There is no such pool, or the look-up failed.</exception>
    public static IoContextHandle Create(ClusterHandle cluster, string pool, string space)
    {
        RbdException.ThrowIfError("rados_ioctx_create", LibRados.CreateIoContext(cluster, pool, out nint ioContext));
        var created = new IoContextHandle(ioContext);
        LibRados.SetNamespace(created, space);

        // Otherwise every call on a full pool waits until there is room. Calls on images opened from here fail instead.
        _ = LibRados.SetPoolFullTry(created);
        return created;
    }

    /// <inheritdoc />
    protected override bool ReleaseHandle()
    {
        LibRados.DestroyIoContext(handle);
        return true;
    }
}
