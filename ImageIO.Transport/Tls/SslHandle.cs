using Microsoft.Win32.SafeHandles;

namespace ImageIO.Transport.Tls;

/// <summary>
/// Owns an <c>SSL</c>. Freed when the last call that uses it is over, whatever disposed it meanwhile.
/// </summary>
internal sealed class SslHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    private static int _alive;

    /// <summary>Objects that were made and not freed.</summary>
    internal static int Alive => _alive;

    /// <summary>Notes that OpenSSL has made it.</summary>
    internal void Count() => Interlocked.Increment(ref _alive);

    protected override bool ReleaseHandle()
    {
        LibSsl.Free(handle);
        Interlocked.Decrement(ref _alive);
        return true;
    }
}
