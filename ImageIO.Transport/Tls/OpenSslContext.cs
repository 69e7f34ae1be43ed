using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImageIO.Transport.Tls;

/// <summary>
/// Settings for new connections: versions, ciphers, and for a server its certificate chain and key. A renewed
/// certificate needs a new context; existing connections keep theirs.
/// </summary>
internal sealed class OpenSslContext : IDisposable
{
    // Room for four records of 16 KiB with their overhead, so that one system call receives several.
    private const int ReceiveBuffer = 4 * (16384 + 256 + 5);

    private readonly SslContextHandle _handle;
    private readonly bool _isClient;

    private OpenSslContext(SslContextHandle handle, bool isClient)
    {
        _handle = handle;
        _isClient = isClient;
    }

    /// <summary>Settings for a server with this certificate.</summary>
    /// <exception cref="CryptographicException">OpenSSL does not take the certificate or its key.</exception>
    internal static OpenSslContext ForServer(ServerCertificate certificate)
    {
        SslContextHandle handle = Create();
        try
        {
            SetAnswers(handle);
            SetCertificate(handle, certificate);
            return new OpenSslContext(handle, isClient: false);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Settings for a client, which must check its server's certificate itself after the handshake.</summary>
    /// <exception cref="CryptographicException">OpenSSL does not take the settings.</exception>
    internal static OpenSslContext ForClient() => new(Create(), isClient: true);

    /// <summary>Creates the state of a new connection.</summary>
    /// <param name="socket">Its socket.</param>
    /// <param name="serverName">The name that a client asks for. Null: none.</param>
    /// <exception cref="IOException">OpenSSL cannot create it.</exception>
    internal SslHandle Open(SafeHandle socket, string? serverName = null)
    {
        LibSsl.ClearErrors();
        SslHandle ssl = LibSsl.New(_handle);
        if (ssl.IsInvalid)
        {
            throw new IOException($"SSL_new failed: {OpenSslLibrary.TakeErrors()}");
        }

        ssl.Count();
        if (LibSsl.SetDescriptor(ssl, socket) != 1)
        {
            ssl.Dispose();
            throw new IOException($"SSL_set_fd failed: {OpenSslLibrary.TakeErrors()}");
        }

        if (_isClient)
        {
            LibSsl.SetConnectState(ssl);
            if (serverName is not null)
            {
                _ = LibSsl.Control(ssl, LibSsl.SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, serverName);
            }
        }
        else
        {
            LibSsl.SetAcceptState(ssl);
        }

        return ssl;
    }

    /// <inheritdoc />
    public void Dispose() => _handle.Dispose();

    private static SslContextHandle Create()
    {
        LibSsl.ClearErrors();
        SslContextHandle handle = LibSsl.ContextNew(LibSsl.TlsMethod());
        if (handle.IsInvalid)
        {
            throw OpenSslLibrary.Failure("SSL_CTX_new");
        }

        try
        {
            SetRules(handle);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static void SetRules(SslContextHandle handle)
    {
        // At least TLS 1.2, even if the distribution's policy allows less (RFC 8996).
        OpenSslLibrary.Check(LibSsl.ContextControl(
            handle, LibSsl.SSL_CTRL_SET_MIN_PROTO_VERSION, LibSsl.TLS1_2_VERSION, 0), "SSL_CTX_set_min_proto_version");
        CipherRules.Restrict(handle);
        // No resumption: keys for it that are never rotated would undo forward secrecy, and a handshake costs nothing
        // beside an image.
        _ = LibSsl.ContextSetOptions(
            handle, LibSsl.SSL_OP_NO_RENEGOTIATION | LibSsl.SSL_OP_NO_COMPRESSION | LibSsl.SSL_OP_NO_TICKET);
        _ = LibSsl.ContextControl(handle, LibSsl.SSL_CTRL_SET_SESS_CACHE_MODE, LibSsl.SSL_SESS_CACHE_OFF, 0);
        // A write may be partial and continue where it stopped. An idle connection keeps no buffers.
        _ = LibSsl.ContextControl(
            handle,
            LibSsl.SSL_CTRL_MODE,
            LibSsl.SSL_MODE_ENABLE_PARTIAL_WRITE
                | LibSsl.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | LibSsl.SSL_MODE_RELEASE_BUFFERS,
            0);
        _ = LibSsl.ContextControl(handle, LibSsl.SSL_CTRL_SET_READ_AHEAD, 1, 0);
        LibSsl.ContextSetReadBufferLength(handle, ReceiveBuffer);
        HandshakeLimit.Set(handle);
    }

    // Settings of a server only.
    private static unsafe void SetAnswers(SslContextHandle handle)
    {
        OpenSslLibrary.Check(LibSsl.ContextSetTicketCount(handle, 0), "SSL_CTX_set_num_tickets");
        // A request says how many bytes it has, so HTTP judges a client that closes without close_notify. An answer may
        // end with its connection, so for a client a missing close_notify is a failure.
        _ = LibSsl.ContextSetOptions(
            handle, LibSsl.SSL_OP_CIPHER_SERVER_PREFERENCE | LibSsl.SSL_OP_IGNORE_UNEXPECTED_EOF);
        CipherRules.PreferCheap(handle);
        LibSsl.ContextSetAlpnSelect(handle, &SelectProtocol, 0);
    }

    private static unsafe void SetCertificate(SslContextHandle handle, ServerCertificate certificate)
    {
        LibSsl.ClearErrors();
        byte[] own = certificate.Certificate.RawData;
        fixed (byte* der = own)
        {
            OpenSslLibrary.Check(LibSsl.ContextUseCertificate(handle, own.Length, der), "SSL_CTX_use_certificate_ASN1");
        }

        foreach (X509Certificate2 intermediate in certificate.Intermediates)
        {
            AddToChain(handle, intermediate.RawData);
        }

        byte[] key = ExportKey(certificate.Certificate);
        try
        {
            UseKey(handle, key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static unsafe void AddToChain(SslContextHandle handle, byte[] certificate)
    {
        fixed (byte* der = certificate)
        {
            byte* next = der;
            nint parsed = LibSsl.ReadCertificate(0, &next, certificate.Length);
            // number 1: it takes its own reference, so ours is released below.
            bool added = parsed != 0 && LibSsl.ContextControl(handle, LibSsl.SSL_CTRL_CHAIN_CERT, 1, parsed) == 1;
            LibSsl.FreeCertificate(parsed);
            OpenSslLibrary.Check(added ? 1 : 0, "SSL_CTX_add1_chain_cert");
        }
    }

    private static byte[] ExportKey(X509Certificate2 certificate)
    {
        using AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)certificate.GetRSAPrivateKey()
            ?? certificate.GetECDsaPrivateKey();
        return key?.ExportPkcs8PrivateKey()
            ?? throw new CryptographicException(
                "The key is neither RSA nor ECDSA; TLS certificates of other kinds are not served");
    }

    private static unsafe void UseKey(SslContextHandle handle, byte[] pkcs8)
    {
        fixed (byte* der = pkcs8)
        {
            byte* next = der;
            nint key = LibSsl.ReadPrivateKey(0, &next, pkcs8.Length);
            bool used = key != 0 && LibSsl.ContextUsePrivateKey(handle, key) == 1;
            LibSsl.FreePrivateKey(key);
            OpenSslLibrary.Check(used ? LibSsl.ContextCheckPrivateKey(handle) : 0, "SSL_CTX_use_PrivateKey");
        }
    }

    // SSL_CTX_set_alpn_select_cb(3). The client's names, each after its length (RFC 7301). The RFC wants an alert if
    // none matches, but such a client speaks HTTP/1.1 all the same, so it is served.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static unsafe int SelectProtocol(
        nint ssl, byte** selected, byte* selectedLength, byte* names, uint length, nint state)
    {
        var offered = new ReadOnlySpan<byte>(names, (int)length);
        int at = Find(offered, "http/1.1"u8) is >= 0 and var found ? found : Find(offered, "http/1.0"u8);
        if (at < 0)
        {
            return LibSsl.SSL_TLSEXT_ERR_NOACK;
        }

        *selected = names + at;
        *selectedLength = offered[at - 1];
        return LibSsl.SSL_TLSEXT_ERR_OK;
    }

    // Index of a name among the offered ones. Negative: none.
    private static int Find(ReadOnlySpan<byte> offered, ReadOnlySpan<byte> name)
    {
        for (int at = 0; at < offered.Length; at += 1 + offered[at])
        {
            if (offered.Slice(at + 1, Math.Min(offered[at], offered.Length - at - 1)).SequenceEqual(name))
            {
                return at + 1;
            }
        }

        return -1;
    }
}
