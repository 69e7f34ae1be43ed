using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ImageIO.Transport.Tls;

/// <summary>
/// The allowed ciphers: those of the system's policy that have forward secrecy and authenticated encryption.
/// </summary>
internal static class CipherRules
{
    private const string PreferredCipher = "TLS_AES_128_GCM_SHA256";

    /// <summary>
    /// The allowed ciphers of TLS 1.2, by OpenSSL's names. All ciphers of TLS 1.3 are allowed. docs/tls.md lists these.
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
            // The policy allows no safe cipher of TLS 1.2.
            OpenSslLibrary.Check(
                LibSsl.ContextControl(context, LibSsl.SSL_CTRL_SET_MIN_PROTO_VERSION, LibSsl.TLS1_3_VERSION, 0),
                "SSL_CTX_set_min_proto_version");
        }
    }

    /// <summary>
    /// Puts AES-128-GCM first, the cheapest cipher of TLS 1.3 on processors with AES. Names only ciphers that the
    /// system's policy allows.
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
