using System.Net;
using System.Net.Http.Headers;

namespace ImageIO.Client.Transport;

/// <summary>One connection to an image, with one request at a time. It never opens a second connection.</summary>
/// <remarks>
/// Bytes written through a connection may be lost with it, so its user must know when it ends. The other part has the
/// requests.
/// </remarks>
internal sealed partial class ImageConnection : IAsyncDisposable
{
    // How often it is looked at whether a byte moved.
    private static readonly TimeSpan WatchPeriod = TimeSpan.FromSeconds(1);

    private readonly Dialer _dialer;
    private readonly TransferClientOptions _options;
    private readonly HttpMessageInvoker _invoker;
    private readonly DialedConnection _dialed;
    private readonly ITimer _watch;
    private int _isTaken;
    private bool _hasStalled;

    // Most time without a byte for the running request; zero while none runs.
    private TimeSpan _limit;

    private ImageConnection(Dialer dialer, TransferClientOptions options, DialedConnection dialed)
    {
        _dialer = dialer;
        _options = options;
        _dialed = dialed;
        _invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = (_, _) => ValueTask.FromResult(TakeStream()),
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            MaxConnectionsPerServer = 1,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
            // An answer that is left in the middle ends the connection.
            ResponseDrainTimeout = TimeSpan.Zero,
        });
        _watch = options.Time.CreateTimer(_ => Watch(), null, WatchPeriod, WatchPeriod);
    }

    /// <summary>Connects.</summary>
    /// <exception cref="ExchangeException">It does not succeed.</exception>
    public static async Task<ImageConnection> OpenAsync(
        Dialer dialer, TransferClientOptions options, CancellationToken cancellationToken) =>
        new(dialer, options, await dialer.DialAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Whether the server is on this host.</summary>
    public bool IsToThisHost => _dialed.IsToThisHost;

    /// <summary>Whether the server takes no more of the running request's body.</summary>
    public bool IsSendingOver => _dialed.Stream.IsSendingOver;

    /// <summary>Bytes sent, with heads and without TLS.</summary>
    public long Sent => _dialed.Stream.Sent;

    public async ValueTask DisposeAsync()
    {
        await _watch.DisposeAsync().ConfigureAwait(false);
        _invoker.Dispose();
        await _dialed.Stream.DisposeAsync().ConfigureAwait(false);
    }

    // The handler would open a further connection when the first one is found closed.
    private Stream TakeStream() => Interlocked.Exchange(ref _isTaken, 1) == 0
        ? _dialed.Stream
        : throw new IOException("the server closed the connection");

    private void Watch()
    {
        TimeSpan limit = _limit;
        if (limit > TimeSpan.Zero && _dialed.Stream.Still > limit)
        {
            _hasStalled = true;
            _dialed.Socket.Dispose();
        }
    }

    // Sends a request and hands its answer to who reads it. Fails with a name.
    private async Task<T> ExchangeAsync<T>(
        HttpMethod method,
        string pathAndQuery,
        HttpContent? content,
        Action<HttpRequestHeaders>? setHeaders,
        TimeSpan limit,
        Func<HttpResponseMessage, CancellationToken, Task<T>> read,
        CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri(_dialer.BaseUri, pathAndQuery))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        setHeaders?.Invoke(request.Headers);
        _dialed.Stream.Touch();
        _limit = limit;
        try
        {
            using HttpResponseMessage response = await _invoker.SendAsync(
                request, cancellationToken).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                throw await StatusError.ReadAsync(
                    response, $"{method} on {_dialer.Address}",
                    request.Headers.Contains("Content-Digest"), _dialer.Address, cancellationToken)
                    .ConfigureAwait(false);
            }

            return await read(response, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException
            && e is not Core.Errors.TransferException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Broken($"{method} on {_dialer.Address}", limit, e);
        }
        finally
        {
            _limit = TimeSpan.Zero;
        }
    }

    private ExchangeException Broken(string what, TimeSpan limit, Exception e)
    {
        Exception cause = e is HttpRequestException { InnerException: { } inner } ? inner : e;
        return new ExchangeException(
            ExchangeFailure.Broken,
            _hasStalled
                ? $"{what}: nothing moved for {limit.TotalSeconds:F0} s"
                : $"{what}: the connection broke: {cause.Message}",
            e);
    }
}
