using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>rados_ioctx_t: a pool and a namespace. Must be disposed of before its cluster.</summary>
internal sealed class IoContextHandle : SafeHandle
{
    private IoContextHandle(nint ioContext)
        : base(0, ownsHandle: true) => SetHandle(ioContext);

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>Looks a pool up. Blocks, without a limit where the monitors are away.</summary>
    /// <exception cref="RbdException">There is no such pool, or it could not be looked up.</exception>
    public static IoContextHandle Create(ClusterHandle cluster, string pool, string space)
    {
        RbdException.ThrowIfError("rados_ioctx_create", LibRados.CreateIoContext(cluster, pool, out nint ioContext));
        var created = new IoContextHandle(ioContext);
        LibRados.SetNamespace(created, space);

        // Else every call on a full pool waits until there is room. Images opened from here on fail instead.
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
