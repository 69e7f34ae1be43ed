using ImageIO.Backends.Rbd.Native;

namespace ImageIO.Tests.Support.Rbd;

/// <summary>rbd_image_options_t.</summary>
internal sealed class RbdImageOptions : IDisposable
{
    public const int Features = 1;
    public const int Order = 2;
    public const int StripeUnit = 3;
    public const int StripeCount = 4;
    public const int DataPool = 10;

    public RbdImageOptions()
    {
        RbdAdminCalls.CreateOptions(out nint handle);
        Handle = handle;
    }

    public nint Handle { get; }

    public void Set(int option, ulong value) =>
        RbdException.ThrowIfError("rbd_image_options_set_uint64", RbdAdminCalls.SetOption(Handle, option, value));

    public void Set(int option, string value) =>
        RbdException.ThrowIfError("rbd_image_options_set_string", RbdAdminCalls.SetOption(Handle, option, value));

    public void Dispose() => RbdAdminCalls.DestroyOptions(Handle);
}
