using System.Net;
using ImageIO.Transport.Sockets;
using ImageIO.Transport.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners;

/// <summary>Takes over all listeners.</summary>
internal sealed class LoopListenerFactory(
    BoundListeners listeners,
    IMemoryPoolFactory<byte> pools,
    Lazy<EventLoops> loops,
    ConnectionCapacity capacity,
    TimeProvider time,
    ILogger<ServerTls> logger) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    /// <inheritdoc />
    public bool CanBind(EndPoint endpoint) => Find(endpoint) is not null;

    /// <inheritdoc />
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (Find(endpoint) is not { Bound: { } socket } listener)
        {
            throw new InvalidOperationException($"{endpoint} was not bound before the start.");
        }

        return ValueTask.FromResult<IConnectionListener>(new LoopListener(
            socket, loops.Value, listener.IsForHost ? capacity.Host : capacity.Clients, pools.Create(), time, logger));
    }

    private ServiceListener? Find(EndPoint endpoint) =>
        listeners.All.FirstOrDefault(listener => ReferenceEquals(listener.EndPoint, endpoint));
}
