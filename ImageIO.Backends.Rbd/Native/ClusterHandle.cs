using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

/// <summary>
/// rados_t: a client of a cluster. Its disposal waits for the network, so it has a thread of its own.
/// </summary>
internal sealed class ClusterHandle : SafeHandle
{
    private ClusterHandle(nint cluster)
        : base(0, ownsHandle: true) => SetHandle(cluster);

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>A client that is not connected yet.</summary>
    /// <exception cref="RbdException">It could not be made.</exception>
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
