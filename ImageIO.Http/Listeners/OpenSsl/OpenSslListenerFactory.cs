using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners.OpenSsl;

/// <summary>Takes over the listeners whose TLS is OpenSSL's; the server's own transport takes the others.</summary>
internal sealed class OpenSslListenerFactory(
    BoundListeners listeners,
    IMemoryPoolFactory<byte> pools,
    Lazy<EventLoops> loops,
    TimeProvider time,
    ILogger<ServerTls> logger) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    /// <inheritdoc />
    public bool CanBind(EndPoint endpoint) => Find(endpoint) is { Tls.Transport: TlsTransport.OpenSsl };

    /// <inheritdoc />
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (Find(endpoint) is not { Bound: { } socket })
        {
            throw new InvalidOperationException($"{endpoint} was not bound before the start.");
        }

        socket.Listen();
        return ValueTask.FromResult<IConnectionListener>(new OpenSslListener(socket, loops.Value, pools.Create(), time, logger));
    }

    private ServiceListener? Find(EndPoint endpoint) =>
        listeners.All.FirstOrDefault(listener => ReferenceEquals(listener.EndPoint, endpoint));
}
