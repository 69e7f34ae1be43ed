using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Http.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace ImageIO.Http.Listeners;

/// <summary>The server's side of TLS: certificate and key from PEM files, TLS 1.2 and 1.3 only.</summary>
public sealed class ServerTls
{
    private readonly SslStreamCertificateContext _certificate;

    private ServerTls(SslStreamCertificateContext certificate) => _certificate = certificate;

    /// <summary>Loads certificate and key.</summary>
    /// <param name="certificateFile">PEM: the server's certificate, then its intermediates if any.</param>
    /// <param name="keyFile">PEM: its private key.</param>
    /// <param name="authoritiesFile">PEM: certificates that complete the chain sent to clients. Empty: none.</param>
    /// <exception cref="ConfigurationException">A file is missing, or is not what it should be.</exception>
    public static ServerTls Load(string certificateFile, string keyFile, string authoritiesFile)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(certificateFile);
            if (authoritiesFile.Length > 0)
            {
                chain.ImportFromPemFile(authoritiesFile);
            }

            // Offline: the chain is what the files say; no server start waits for somebody's web server.
            return new ServerTls(SslStreamCertificateContext.Create(
                X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null), chain, offline: true));
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ConfigurationException(
                $"Cannot load the TLS certificate {certificateFile} with the key {keyFile}: {e.Message} "
                + "Both must be PEM files, and the key must be the certificate's.", e);
        }
    }

    internal TlsHandshakeCallbackOptions ForKestrel() => new()
    {
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = _certificate,
            // The floor is ours, whatever the distribution's policy would still allow (RFC 8996).
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http11],
            AllowRenegotiation = false,
        }),
    };
}
