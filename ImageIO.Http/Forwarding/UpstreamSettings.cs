using ImageIO.Transport.Tls;

namespace ImageIO.Http.Forwarding;

/// <summary>How daemons are reached.</summary>
/// <param name="ConnectTimeout">How long connecting may take, TLS included.</param>
/// <param name="ReadTimeout">How long a daemon may move no byte while it owes one.</param>
/// <param name="Authorities">Who vouches for daemons. Null: the system's authorities.</param>
public sealed record UpstreamSettings(
    TimeSpan ConnectTimeout, TimeSpan ReadTimeout, CertificateAuthorities? Authorities);
