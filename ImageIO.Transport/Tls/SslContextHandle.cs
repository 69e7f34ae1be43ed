using Microsoft.Win32.SafeHandles;

namespace ImageIO.Transport.Tls;

/// <summary>Owns an <c>SSL_CTX</c>. Its connections hold references of their own.</summary>
internal sealed class SslContextHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        LibSsl.ContextFree(handle);
        return true;
    }
}
