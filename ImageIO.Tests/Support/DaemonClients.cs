using System.Net.Security;
using System.Net.Sockets;

namespace ImageIO.Tests.Support;

/// <summary>HTTP clients for the services of a daemon, each with a connection pool of its own.</summary>
internal static class DaemonClients
{
    public static HttpClient OverTls(int port, TestCertificate certificate) => new(
        SecretsInLogs.Noting(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = certificate.Policy },
            UseProxy = false,
        }))
    {
        BaseAddress = new Uri($"https://127.0.0.1:{port}"),
    };

    /// <param name="socket">The path of a Unix socket behind which TLS is spoken.</param>
    /// <param name="certificate">The server's.</param>
    public static HttpClient OverTls(string socket, TestCertificate certificate) => new(
        SecretsInLogs.Noting(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = certificate.Policy },
            ConnectCallback = async (_, cancellationToken) =>
                new NetworkStream(await ConnectAsync(socket, cancellationToken), ownsSocket: true),
            UseProxy = false,
        }))
    {
        BaseAddress = new Uri("https://localhost"),
    };

    /// <param name="socket">A path, or NUL and an abstract name.</param>
    public static HttpClient OverUnixSocket(string socket) => new(SecretsInLogs.Noting(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellationToken) =>
            new NetworkStream(await ConnectAsync(socket, cancellationToken), ownsSocket: true),
        UseProxy = false,
    }))
    {
        BaseAddress = new Uri("http://localhost"),
    };

    public static async Task<Socket> ConnectAsync(string socket, CancellationToken cancellationToken = default)
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await client.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellationToken);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }
}
