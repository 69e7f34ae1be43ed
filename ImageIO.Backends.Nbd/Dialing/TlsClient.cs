using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Dialing;

/// <summary>
/// Encrypts a connection. The server is always checked; the files are read each time, so they may change.
/// </summary>
internal static class TlsClient
{
    /// <summary>Starts TLS on a connection whose server agreed to it.</summary>
    /// <param name="plain">The connection; owned by the result.</param>
    /// <param name="hostName">The name that the server's certificate must have.</param>
    /// <param name="settings">Names the files.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="NbdException">A file cannot be used, or the server's certificate is not trusted.</exception>
    public static async ValueTask<Stream> EncryptAsync(
        Stream plain, string hostName, NbdSettings settings, CancellationToken cancellationToken)
    {
        if (settings.TlsCaFile.Length == 0)
        {
            throw new NbdException(
                "nbds needs [backend_nbd] tls_ca_file, the authorities that the server's certificate leads to");
        }

        var encrypted = new SslStream(plain);
        try
        {
            await encrypted.AuthenticateAsClientAsync(Options(hostName, settings), cancellationToken);
            return encrypted;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            await encrypted.DisposeAsync();
            throw new NbdException($"the TLS handshake failed: {(e.InnerException ?? e).Message}", e);
        }
        catch
        {
            await encrypted.DisposeAsync();
            throw;
        }
    }

    private static SslClientAuthenticationOptions Options(string hostName, NbdSettings settings)
    {
        try
        {
            var policy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            policy.CustomTrustStore.ImportFromPemFile(settings.TlsCaFile);
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = hostName,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                CertificateChainPolicy = policy,
            };
            if (settings.TlsCertFile.Length > 0)
            {
                options.ClientCertificateContext = Own(settings);
            }

            return options;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new NbdException($"a TLS file of [backend_nbd] cannot be used: {e.Message}", e);
        }
    }

    private static SslStreamCertificateContext Own(NbdSettings settings)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(settings.TlsCertFile);
        var own = X509Certificate2.CreateFromPemFile(settings.TlsCertFile, settings.TlsKeyFile);
        return SslStreamCertificateContext.Create(own, chain, offline: true);
    }
}
