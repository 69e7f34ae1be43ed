using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Transport;

/// <summary>Opens connections to one server: TCP, TLS on it, or a Unix socket in its place.</summary>
internal sealed class Dialer
{
    // As much as the kernel allows (net.core.wmem_max): it never grows the buffer of a Unix socket by itself. With the
    // usual 208 KiB, 1 GiB took 7500 sends, a third of them in vain; with this, 1100.
    private const int UnixSendBuffer = 4 * 1024 * 1024;

    private readonly ImageAddress _address;
    private readonly string? _unixSocket;
    private readonly TransferClientOptions _options;
    private readonly SslClientAuthenticationOptions? _tls;

    private Dialer(
        ImageAddress address, string? unixSocket, TransferClientOptions options, SslClientAuthenticationOptions? tls)
    {
        _address = address;
        _unixSocket = unixSocket;
        _options = options;
        _tls = tls;
    }

    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: the file of authorities cannot
    /// be read.</exception>
    public static Dialer For(ImageAddress address, TransferClientOptions options) =>
        new(address, unixSocket: null, options, address.IsTls ? TlsOptions(address.Host, options) : null);

    /// <summary>Where it leads.</summary>
    public ImageAddress Address => _address;

    /// <summary>Whether it leads through a Unix socket.</summary>
    public bool IsUnix => _unixSocket is not null;

    /// <summary>The base of request URLs: TLS is spoken here, below the HTTP client.</summary>
    public Uri BaseUri => new(IsUnix ? "http://localhost" : $"http://{HostText}:{_address.Port}");

    private string HostText =>
        _address.Host.Contains(':', StringComparison.Ordinal) ? $"[{_address.Host}]" : _address.Host;

    /// <summary>The same server by its Unix socket.</summary>
    public Dialer Through(string unixSocket) => new(_address, unixSocket, _options, tls: null);

    /// <summary>Connects.</summary>
    /// <exception cref="ExchangeException">It does not succeed.</exception>
    public async Task<DialedConnection> DialAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using ITimer timer = _options.Time.CreateTimer(
            source =>
                ((CancellationTokenSource)source!).Cancel(), limit, _options.ConnectTimeout, Timeout.InfiniteTimeSpan);
        Socket? socket = null;
        try
        {
            EndPoint endPoint = IsUnix
                ? new UnixDomainSocketEndPoint(_unixSocket!)
                : IPAddress.TryParse(_address.Host, out IPAddress? ip)
                    ? new IPEndPoint(ip, _address.Port)
                    : new DnsEndPoint(_address.Host, _address.Port);
            socket = IsUnix
                ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
                {
                    SendBufferSize = UnixSendBuffer,
                }
                : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(endPoint, limit.Token).ConfigureAwait(false);
            Stream stream = new NetworkStream(socket, ownsSocket: true);
            if (_tls is not null)
            {
                var tls = new SslStream(stream);
                await tls.AuthenticateAsClientAsync(_tls, limit.Token).ConfigureAwait(false);
                stream = tls;
            }

            return new DialedConnection(socket, new WireStream(stream, _options.Time));
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            socket?.Dispose();
            throw Failure(e);
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    private ExchangeException Failure(Exception e) => e switch
    {
        OperationCanceledException => new ExchangeException(
            ExchangeFailure.Unreachable,
            $"Connecting to {_address} took longer than {_options.ConnectTimeout.TotalSeconds:F0} s", e),
        // OpenSSL's failures of the handshake itself arrive as the same exception as a certificate that is refused.
        AuthenticationException { InnerException: null } => new ExchangeException(
            ExchangeFailure.CertificateRefused,
            $"The certificate of {_address} is not trusted: {e.Message} Give the authority's certificate (--cafile), "
                + $"or check the name in the URL.",
            e),
        _ => new ExchangeException(ExchangeFailure.Unreachable, $"Cannot connect to {_address}: {e.Message}", e),
    };

    private static SslClientAuthenticationOptions TlsOptions(string host, TransferClientOptions options)
    {
        var tls = new SslClientAuthenticationOptions
        {
            TargetHost = host,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };
        if (options.IsInsecure)
        {
            tls.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        }
        else if (options.CaFile is { } file)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(ReadAuthorities(file));
        }

        return tls;
    }

    private static X509Certificate2Collection ReadAuthorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new TransferException(
                TransferError.InvalidRequest, $"The authorities in {file} cannot be read: {e.Message}", e);
        }

        return authorities.Count > 0
            ? authorities
            : throw new TransferException(
                TransferError.InvalidRequest, $"There is no certificate in {file}, expected PEM");
    }
}
