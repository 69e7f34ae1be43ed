using System.Runtime.InteropServices;

namespace ImageIO.Transport.Tls;

/// <summary>
/// The used part of OpenSSL, with the names and values of its man pages and headers; the same in 1.1.1 and 3.
/// </summary>
internal static unsafe partial class LibSsl
{
    /// <summary>The library in the version that .NET uses, see <see cref="OpenSslLibrary.Resolve"/>.</summary>
    internal const string Ssl = "libssl";

    /// <inheritdoc cref="Ssl" />
    internal const string Crypto = "libcrypto";

    // SSL_get_error(3)
    internal const int SSL_ERROR_WANT_READ = 2;
    internal const int SSL_ERROR_WANT_WRITE = 3;
    internal const int SSL_ERROR_SYSCALL = 5;
    internal const int SSL_ERROR_ZERO_RETURN = 6;

    // SSL_CTX_ctrl(3)
    internal const int SSL_CTRL_MODE = 33;
    internal const int SSL_CTRL_SET_READ_AHEAD = 41;
    internal const int SSL_CTRL_SET_SESS_CACHE_MODE = 44;
    internal const int SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;
    internal const int SSL_CTRL_CHAIN_CERT = 89;
    internal const int SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
    internal const int SSL_SESS_CACHE_OFF = 0;
    internal const int TLS1_2_VERSION = 0x0303;
    internal const int TLS1_3_VERSION = 0x0304;

    // SSL_CTX_set_mode(3)
    internal const int SSL_MODE_ENABLE_PARTIAL_WRITE = 0x1;
    internal const int SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 0x2;
    internal const int SSL_MODE_RELEASE_BUFFERS = 0x10;

    // SSL_CTX_set_options(3)
    internal const ulong SSL_OP_IGNORE_UNEXPECTED_EOF = 1UL << 7; // 3 only; without effect in 1.1.1
    internal const ulong SSL_OP_NO_TICKET = 1UL << 14;
    internal const ulong SSL_OP_NO_COMPRESSION = 1UL << 17;
    internal const ulong SSL_OP_CIPHER_SERVER_PREFERENCE = 1UL << 22;
    internal const ulong SSL_OP_NO_RENEGOTIATION = 1UL << 30;

    // SSL_CTX_set_alpn_select_cb(3)
    internal const int SSL_TLSEXT_ERR_OK = 0;
    internal const int SSL_TLSEXT_ERR_NOACK = 3;

    // BIO_meth_new(3), BIO_set_flags(3), BIO_ctrl(3)
    internal const int BIO_TYPE_SOURCE_SINK = 0x0400;
    internal const int BIO_FLAGS_WRITE = 0x02;
    internal const int BIO_FLAGS_RWS = 0x07;
    internal const int BIO_FLAGS_SHOULD_RETRY = 0x08;
    internal const int BIO_CTRL_FLUSH = 11;

    // Before the first call of the library.
    static LibSsl() =>
        NativeLibrary.SetDllImportResolver(typeof(LibSsl).Assembly, (name, _, _) => OpenSslLibrary.Resolve(name));

    // OPENSSL_init_ssl(3)
    internal const ulong OPENSSL_INIT_NO_ATEXIT = 0x00080000;

    [LibraryImport(Ssl, EntryPoint = "OPENSSL_init_ssl")]
    internal static partial int Initialize(ulong options, nint settings);

    [LibraryImport(Ssl, EntryPoint = "TLS_method")]
    internal static partial nint TlsMethod();

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_new")]
    internal static partial SslContextHandle ContextNew(nint method);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_free")]
    internal static partial void ContextFree(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_ctrl")]
    internal static partial nint ContextControl(SslContextHandle context, int command, nint number, nint pointer);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_options")]
    internal static partial ulong ContextSetOptions(SslContextHandle context, ulong options);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_default_read_buffer_len")]
    internal static partial void ContextSetReadBufferLength(SslContextHandle context, nuint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_num_tickets")]
    internal static partial int ContextSetTicketCount(SslContextHandle context, nuint count);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_ciphersuites", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ContextSetCipherSuites(SslContextHandle context, string names);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_cipher_list", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ContextSetCiphers(SslContextHandle context, string names);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_get_ciphers")]
    internal static partial nint ContextGetCiphers(SslContextHandle context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_certificate_ASN1")]
    internal static partial int ContextUseCertificate(SslContextHandle context, int length, byte* der);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_PrivateKey")]
    internal static partial int ContextUsePrivateKey(SslContextHandle context, nint key);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_check_private_key")]
    internal static partial int ContextCheckPrivateKey(SslContextHandle context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_alpn_select_cb")]
    internal static partial void ContextSetAlpnSelect(
        SslContextHandle context,
        delegate* unmanaged[Cdecl]<nint, byte**, byte*, byte*, uint, nint, int> select, nint state);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_info_callback")]
    internal static partial void ContextSetInfo(
        SslContextHandle context, delegate* unmanaged[Cdecl]<nint, int, int, void> tell);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_ex_data")]
    internal static partial nint GetData(nint ssl, int index);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_ex_data")]
    internal static partial int SetData(nint ssl, int index, nint data);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_fd")]
    internal static partial int GetDescriptor(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_new")]
    internal static partial SslHandle New(SslContextHandle context);

    [LibraryImport(Ssl, EntryPoint = "SSL_free")]
    internal static partial void Free(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_fd")]
    internal static partial int SetDescriptor(SslHandle ssl, SafeHandle socket);

    [LibraryImport(Ssl, EntryPoint = "SSL_set0_wbio")]
    internal static partial void SetOutput(SslHandle ssl, nint bio);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_accept_state")]
    internal static partial void SetAcceptState(SslHandle ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_connect_state")]
    internal static partial void SetConnectState(SslHandle ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_do_handshake", SetLastError = true)]
    internal static partial int Handshake(SslHandle ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_read_ex", SetLastError = true)]
    internal static partial int Read(SslHandle ssl, byte* buffer, nuint length, nuint* read);

    [LibraryImport(Ssl, EntryPoint = "SSL_peek_ex", SetLastError = true)]
    internal static partial int Peek(SslHandle ssl, byte* buffer, nuint length, nuint* read);

    [LibraryImport(Ssl, EntryPoint = "SSL_write_ex", SetLastError = true)]
    internal static partial int Write(SslHandle ssl, byte* buffer, nuint length, nuint* written);

    [LibraryImport(Ssl, EntryPoint = "SSL_shutdown", SetLastError = true)]
    internal static partial int Shutdown(SslHandle ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_error")]
    internal static partial int GetError(SslHandle ssl, int result);

    [LibraryImport(Ssl, EntryPoint = "SSL_has_pending")]
    internal static partial int HasPending(SslHandle ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_is_server")]
    internal static partial int IsServer(SslHandle ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_version")]
    internal static partial int Version(SslHandle ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_current_cipher")]
    internal static partial nint CurrentCipher(SslHandle ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_protocol_id")]
    internal static partial ushort CipherProtocolId(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_name")]
    internal static partial nint CipherName(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_servername")]
    internal static partial nint ServerName(SslHandle ssl, int type);

    [LibraryImport(Ssl, EntryPoint = "SSL_ctrl", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint Control(SslHandle ssl, int command, nint number, string text);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_peer_cert_chain")]
    internal static partial nint PeerChain(SslHandle ssl);

    [LibraryImport(Crypto, EntryPoint = "BIO_get_new_index")]
    internal static partial int BioNewIndex();

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_new", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint BioMethodNew(int type, string name);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_write")]
    internal static partial int BioMethodSetWrite(nint method, delegate* unmanaged[Cdecl]<nint, byte*, int, int> write);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_ctrl")]
    internal static partial int BioMethodSetControl(
        nint method, delegate* unmanaged[Cdecl]<nint, int, nint, nint, nint> control);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_destroy")]
    internal static partial int BioMethodSetDestroy(nint method, delegate* unmanaged[Cdecl]<nint, int> destroy);

    [LibraryImport(Crypto, EntryPoint = "BIO_new")]
    internal static partial nint BioNew(nint method);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_data")]
    internal static partial void BioSetData(nint bio, nint data);

    [LibraryImport(Crypto, EntryPoint = "BIO_get_data")]
    [SuppressGCTransition]
    internal static partial nint BioGetData(nint bio);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_flags")]
    [SuppressGCTransition]
    internal static partial void BioSetFlags(nint bio, int flags);

    [LibraryImport(Crypto, EntryPoint = "BIO_clear_flags")]
    [SuppressGCTransition]
    internal static partial void BioClearFlags(nint bio, int flags);

    [LibraryImport(Crypto, EntryPoint = "i2d_X509")]
    internal static partial int WriteCertificate(nint certificate, byte** der);

    [LibraryImport(Crypto, EntryPoint = "OPENSSL_sk_num")]
    internal static partial int StackCount(nint stack);

    [LibraryImport(Crypto, EntryPoint = "OPENSSL_sk_value")]
    internal static partial nint StackValue(nint stack, int index);

    [LibraryImport(Crypto, EntryPoint = "d2i_X509")]
    internal static partial nint ReadCertificate(nint reuse, byte** der, nint length);

    [LibraryImport(Crypto, EntryPoint = "X509_free")]
    internal static partial void FreeCertificate(nint certificate);

    [LibraryImport(Crypto, EntryPoint = "d2i_AutoPrivateKey")]
    internal static partial nint ReadPrivateKey(nint reuse, byte** der, nint length);

    [LibraryImport(Crypto, EntryPoint = "EVP_PKEY_free")]
    internal static partial void FreePrivateKey(nint key);

    [LibraryImport(Crypto, EntryPoint = "ERR_clear_error")]
    [SuppressGCTransition]
    internal static partial void ClearErrors();

    [LibraryImport(Crypto, EntryPoint = "ERR_get_error")]
    internal static partial nuint NextError();

    [LibraryImport(Crypto, EntryPoint = "ERR_error_string_n")]
    internal static partial void ErrorText(nuint error, byte* buffer, nuint length);

    [LibraryImport(Crypto, EntryPoint = "OpenSSL_version")]
    internal static partial nint VersionText(int type);
}
