using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ImageIO.Transport.Tls;

/// <summary>
/// Which ciphers a connection may use: of those that the system's policy leaves, the ones with forward secrecy and
/// authenticated encryption.
/// </summary>
internal static class CipherRules
{
    private const string PreferredCipher = "TLS_AES_128_GCM_SHA256";

    /// <summary>
    /// The ciphers of TLS 1.2 that are used, by their names in OpenSSL. All ciphers of TLS 1.3 have both properties.
    /// docs/tls.md lists these.
    /// </summary>
    internal static readonly string[] Tls12 =
    [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ];

    /// <summary>Restricts a context's ciphers of TLS 1.2 to <see cref="Tls12"/>, in the policy's order.</summary>
    /// <exception cref="CryptographicException">OpenSSL does not accept the list.</exception>
    internal static void Restrict(SslContextHandle context)
    {
        string[] allowed = [.. CiphersOf(context).Where(name => Tls12.Contains(name, StringComparer.Ordinal))];
        if (allowed.Length > 0)
        {
            OpenSslLibrary.Check(
                LibSsl.ContextSetCiphers(context, string.Join(':', allowed)), "SSL_CTX_set_cipher_list");
        }
        else
        {
            // The policy leaves nothing that is safe with TLS 1.2.
            OpenSslLibrary.Check(
                LibSsl.ContextControl(context, LibSsl.SSL_CTRL_SET_MIN_PROTO_VERSION, LibSsl.TLS1_3_VERSION, 0),
                "SSL_CTX_set_min_proto_version");
        }
    }

    /// <summary>
    /// Puts AES-128-GCM first: it is the cheapest cipher that TLS 1.3 has where the processor knows AES. Only ciphers
    /// that the system's policy leaves are named, so the policy stays in force.
    /// </summary>
    /// <exception cref="CryptographicException">OpenSSL does not accept the list.</exception>
    internal static void PreferCheap(SslContextHandle context)
    {
        if (!System.Runtime.Intrinsics.X86.Aes.IsSupported && !System.Runtime.Intrinsics.Arm.Aes.IsSupported)
        {
            return;
        }

        List<string> names = [.. CiphersOf(context).Where(name => name.StartsWith("TLS_", StringComparison.Ordinal))];
        if (names.Remove(PreferredCipher))
        {
            OpenSslLibrary.Check(
                LibSsl.ContextSetCipherSuites(context, string.Join(':', names.Prepend(PreferredCipher))),
                "SSL_CTX_set_ciphersuites");
        }
    }

    private static IEnumerable<string> CiphersOf(SslContextHandle context)
    {
        nint ciphers = LibSsl.ContextGetCiphers(context);
        for (int i = 0; i < LibSsl.StackCount(ciphers); i++)
        {
            yield return Marshal.PtrToStringUTF8(LibSsl.CipherName(LibSsl.StackValue(ciphers, i))) ?? "";
        }
    }
}
