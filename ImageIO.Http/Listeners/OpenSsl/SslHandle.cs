using Microsoft.Win32.SafeHandles;

namespace ImageIO.Http.Listeners.OpenSsl;

/// <summary>Owns an <c>SSL</c>. Freed when the last call that uses it is over, whatever disposed it meanwhile.</summary>
internal sealed class SslHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        LibSsl.Free(handle);
        return true;
    }
}
