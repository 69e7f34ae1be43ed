using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections.Features;

namespace ImageIO.Transport.Tls;

/// <summary>The result of a handshake, for the server and for logs.</summary>
internal sealed class TlsFeatures : ITlsHandshakeFeature
{
    // SSL_get_version(3), RFC 8446.
    private const int Tls13 = 0x0304;
    private const int HostNameType = 0;

    internal TlsFeatures(SslHandle ssl)
    {
        Protocol = LibSsl.Version(ssl) == Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12;
        NegotiatedCipherSuite = (TlsCipherSuite)LibSsl.CipherProtocolId(LibSsl.CurrentCipher(ssl));
        HostName = Marshal.PtrToStringUTF8(LibSsl.ServerName(ssl, HostNameType)) ?? "";
    }

    /// <inheritdoc />
    public SslProtocols Protocol { get; }

    /// <inheritdoc />
    public TlsCipherSuite? NegotiatedCipherSuite { get; }

    /// <inheritdoc />
    public string HostName { get; }

#pragma warning disable SYSLIB0058 // Demanded by the interface; the cipher suite above says it all.
    CipherAlgorithmType ITlsHandshakeFeature.CipherAlgorithm => CipherAlgorithmType.None;

    int ITlsHandshakeFeature.CipherStrength => 0;

    HashAlgorithmType ITlsHandshakeFeature.HashAlgorithm => HashAlgorithmType.None;

    int ITlsHandshakeFeature.HashStrength => 0;

    ExchangeAlgorithmType ITlsHandshakeFeature.KeyExchangeAlgorithm => ExchangeAlgorithmType.None;

    int ITlsHandshakeFeature.KeyExchangeStrength => 0;
#pragma warning restore SYSLIB0058
}
