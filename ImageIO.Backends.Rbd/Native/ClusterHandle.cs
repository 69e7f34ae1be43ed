using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>
/// rados_t: a client of a cluster. Disposal waits for the network, so it runs on a thread of its own.
/// </summary>
internal sealed class ClusterHandle : SafeHandle
{
    private ClusterHandle(nint cluster)
        : base(0, ownsHandle: true) => SetHandle(cluster);

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>Creates a client without a connection.</summary>
    /// <exception cref="RbdException">The creation failed.</exception>
    public static ClusterHandle Create(string id)
    {
        RbdException.ThrowIfError("rados_create", LibRados.Create(out nint cluster, id));
        return new ClusterHandle(cluster);
    }

    /// <inheritdoc />
    protected override bool ReleaseHandle()
    {
        LibRados.ShutDown(handle);
        return true;
    }
}
