using ImageIO.Backends.Rbd.Native;

namespace ImageIO.Tests.Support.Rbd;

/// <summary>An image that the administrator has open.</summary>
internal sealed class OpenAdminImage : IDisposable
{
    public OpenAdminImage(IoContextHandle pool, string name)
    {
        RbdException.ThrowIfError("rbd_open", RbdAdminCalls.Open(pool, name, out nint handle, null));
        Handle = handle;
    }

    public nint Handle { get; }

    public void Dispose() => _ = RbdAdminCalls.Close(Handle);
}
