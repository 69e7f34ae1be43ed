using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Http.Hosting;

namespace ImageIO.Http.Forwarding;

/// <summary>The client's side of TLS: TLS 1.2 and 1.3 to a daemon whose certificate an authority vouches for.</summary>
/// <param name="authorities">The authorities. Null: the system's.</param>
/// <param name="time">The clock that certificates are held against.</param>
internal sealed class UpstreamTls(CertificateAuthorities? authorities, TimeProvider time)
{
    /// <summary>The options for a connection.</summary>
    /// <param name="host">Name or IP address that the certificate must bear.</param>
    public SslClientAuthenticationOptions For(string host) => new()
    {
        TargetHost = host,
        // The floor is ours, whatever the distribution's policy would still allow (RFC 8996).
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        AllowRenegotiation = false,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        RemoteCertificateValidationCallback = authorities is null ? null : IsBelieved,
    };

    private bool IsBelieved(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        // The name is the platform's to check, and the chain ours: it knows nothing of our authorities.
        if (certificate is not X509Certificate2 own || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0)
        {
            return false;
        }

        try
        {
            return authorities!.VouchFor(own, chain?.ChainPolicy.ExtraStore ?? [], time.GetUtcNow());
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new AuthenticationException($"The certificate authorities cannot be read: {e.Message}", e);
        }
    }
}
