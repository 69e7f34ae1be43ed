using ImageIO.Transport.Tls;

namespace ImageIO.Http.Forwarding;

/// <summary>Settings for connections to daemons.</summary>
/// <param name="ConnectTimeout">Most time to connect, TLS included.</param>
/// <param name="ReadTimeout">How long a daemon may move no byte while it owes one.</param>
/// <param name="Authorities">Trusted authorities for daemons. Null: the system's.</param>
public sealed record UpstreamSettings(
    TimeSpan ConnectTimeout, TimeSpan ReadTimeout, CertificateAuthorities? Authorities);
