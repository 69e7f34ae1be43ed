using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners.Sockets;

/// <summary>Accepts the connections of one listening socket.</summary>
/// <param name="socket">The socket.</param>
/// <param name="isTls">Whether a later step puts TLS on the connections; else their bytes are the socket's.</param>
/// <param name="loops">Who hears of the connections' sockets.</param>
/// <param name="pool">The connections' memory; this owns it.</param>
/// <param name="time">For pauses.</param>
/// <param name="logger">For the connections' failures.</param>
internal sealed class LoopListener(
    Socket socket, bool isTls, EventLoops loops, MemoryPool<byte> pool, TimeProvider time, ILogger logger) : IConnectionListener
{
    // How long to wait when the system gives no connection, for want of descriptors say; they queue in the kernel meanwhile.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc />
    public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

    /// <inheritdoc />
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Socket? accepted = null;
            try
            {
                accepted = await socket.AcceptAsync(cancellationToken);
                if (accepted.AddressFamily != AddressFamily.Unix)
                {
                    accepted.NoDelay = true;
                }

                var connection = new LoopConnection(accepted, loops.NextConnectionId(), loops.Next(), pool, logger);
                if (!isTls)
                {
                    connection.Open(static (socket, readiness, left) => new PlainStream(socket, readiness, left));
                }

                return connection;
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                // Unbound: no more connections.
                accepted?.Dispose();
                return null;
            }
            catch (SocketException e) when (accepted is null
                && e.SocketErrorCode is not (SocketError.ConnectionReset or SocketError.ConnectionAborted))
            {
                await Task.Delay(Pause, time, cancellationToken);
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                // The client left while it was in the queue, or the system cannot watch one more.
                accepted?.Dispose();
            }
        }
    }

    /// <inheritdoc />
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        socket.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        socket.Dispose();
        pool.Dispose();
        return ValueTask.CompletedTask;
    }
}
