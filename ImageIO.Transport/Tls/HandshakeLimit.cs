using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageIO.Transport.Sockets;

namespace ImageIO.Transport.Tls;

/// <summary>
/// Ends a connection whose peer sends handshake messages without end: new keys (RFC 8446 section 4.6.3), or requests to
/// renegotiate. A read in OpenSSL continues until data comes, so such a peer would occupy a loop's thread at some 30
/// bytes a message.
/// </summary>
internal static unsafe class HandshakeLimit
{
    // Steps of OpenSSL's state machine: some 20 for a handshake, 3 or 4 for a change of keys. Clients renew keys after
    // 64 GiB or more, so this allows a hundred TiB on one connection.
    private const int MostSteps = 10_000;

    // Index 0 belongs to the application (SSL_set_app_data(3)).
    private const int Steps = 0;
    private const int SSL_CB_LOOP = 1; // SSL_CTX_set_info_callback(3)

    internal static void Set(SslContextHandle context) => LibSsl.ContextSetInfo(context, &Count);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Count(nint ssl, int where, int result)
    {
        if ((where & SSL_CB_LOOP) == 0)
        {
            return;
        }

        nint steps = LibSsl.GetData(ssl, Steps) + 1;
        _ = LibSsl.SetData(ssl, Steps, steps);
        if (steps == MostSteps)
        {
            // At most 64 KiB, which were received already, are read before the end.
            _ = LibC.Shutdown(LibSsl.GetDescriptor(ssl), LibC.SHUT_RDWR);
        }
    }
}
