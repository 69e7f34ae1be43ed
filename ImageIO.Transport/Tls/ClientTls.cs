using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Transport.Sockets;

namespace ImageIO.Transport.Tls;

/// <summary>The client's side of TLS 1.2 and 1.3, to servers whose certificate leads to a trusted authority.</summary>
public sealed class ClientTls
{
    private readonly CertificateAuthorities? _authorities;
    private readonly Lazy<EventLoops> _loops;
    private readonly TimeProvider _time;
    private readonly OpenSslContext _context;

    /// <summary>Prepares connections.</summary>
    /// <param name="authorities">The trusted authorities. Null: the system's.</param>
    /// <param name="loops">The loops that watch the sockets.</param>
    /// <param name="time">The clock for certificates' validity.</param>
    public ClientTls(CertificateAuthorities? authorities, Lazy<EventLoops> loops, TimeProvider time)
    {
        _authorities = authorities;
        _loops = loops;
        _time = time;
        OpenSslLibrary.Require();
        _context = OpenSslContext.ForClient();
    }

    /// <summary>Connects to a server.</summary>
    /// <exception cref="SocketException">It cannot be reached.</exception>
    /// <exception cref="AuthenticationException">Its certificate is not trusted.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task<OpenSslClientStream> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        OpenSslClientStream stream = await OpenSslClientStream.ConnectAsync(
            host, port, _context, _loops.Value.Next(), cancellationToken);
        try
        {
            if (EventLoop.IsLoopThread)
            {
                // The certificate check reads files.
                await Task.Yield();
            }

            Verify(host, stream.PeerCertificates);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    private void Verify(string name, IReadOnlyList<byte[]> certificates)
    {
        var all = new X509Certificate2Collection();
        try
        {
            foreach (byte[] certificate in certificates)
            {
                all.Add(X509CertificateLoader.LoadCertificate(certificate));
            }

            // No certificate has a name that ends with a dot.
            if (all.Count == 0 || name.EndsWith('.') || !all[0].MatchesHostname(name))
            {
                throw new AuthenticationException($"The certificate does not bear the name {name}");
            }

            if (!IsVouchedFor(all[0], all))
            {
                throw new AuthenticationException("No authority vouches for the certificate");
            }
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new AuthenticationException($"The certificate cannot be used: {e.Message}", e);
        }
        finally
        {
            foreach (X509Certificate2 certificate in all)
            {
                certificate.Dispose();
            }
        }
    }

    private bool IsVouchedFor(X509Certificate2 own, X509Certificate2Collection sent)
    {
        try
        {
            return _authorities?.VouchFor(own, sent, _time.GetUtcNow(), CertificateAuthorities.ServerPurpose)
                ?? IsVouchedForBySystem(own, sent);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new AuthenticationException($"The certificate authorities cannot be read: {e.Message}", e);
        }
    }

    // The platform knows the system's authorities.
    private static bool IsVouchedForBySystem(X509Certificate2 own, X509Certificate2Collection sent)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(CertificateAuthorities.ServerPurpose));
        chain.ChainPolicy.ExtraStore.AddRange(sent);
        return chain.Build(own);
    }
}
