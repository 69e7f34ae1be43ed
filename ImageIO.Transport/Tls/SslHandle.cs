using Microsoft.Win32.SafeHandles;

namespace ImageIO.Transport.Tls;

/// <summary>Owns an <c>SSL</c>, which is freed when the last running call of it ends.</summary>
internal sealed class SslHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    private static int _alive;

    /// <summary>Objects that are not freed yet.</summary>
    internal static int Alive => _alive;

    /// <summary>Counts an object that OpenSSL has created.</summary>
    internal void Count() => Interlocked.Increment(ref _alive);

    protected override bool ReleaseHandle()
    {
        LibSsl.Free(handle);
        Interlocked.Decrement(ref _alive);
        return true;
    }
}
