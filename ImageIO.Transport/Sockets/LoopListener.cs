using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace ImageIO.Transport.Sockets;

/// <summary>Accepts the connections of one listening socket.</summary>
/// <param name="socket">The socket.</param>
/// <param name="loops">The loops that watch the connections' sockets.</param>
/// <param name="slots">How many connections may be open at once.</param>
/// <param name="pool">The connections' memory; owned by this.</param>
/// <param name="time">For pauses.</param>
/// <param name="logger">For the connections' failures.</param>
public sealed class LoopListener(
    Socket socket, EventLoops loops, ConnectionSlots slots, MemoryPool<byte> pool, TimeProvider time, ILogger logger)
    : IConnectionListener
{
    // The wait after the system gave no connection, for example without free descriptors. Connections queue in the
    // kernel.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private volatile bool _isOver;

    /// <inheritdoc />
    public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

    /// <inheritdoc />
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Socket accepted;
            try
            {
                accepted = await socket.AcceptAsync(cancellationToken);
            }
            catch (Exception e)
                when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                // Unbound: no more connections.
                return null;
            }
            catch (SocketException e)
            {
                if (e.SocketErrorCode is not (SocketError.ConnectionReset or SocketError.ConnectionAborted))
                {
                    await Task.Delay(Pause, time, cancellationToken);
                }

                // Otherwise the client left while it was in the queue.
                continue;
            }

            // The socket is held meanwhile, so that room is made only for a client that is still there.
            if (!await slots.TakeAsync(RemoteOf(accepted), () => _isOver || socket.SafeHandle.IsClosed))
            {
                accepted.Dispose();
                return null;
            }

            if (Connect(accepted) is { } connection)
            {
                return connection;
            }
        }
    }

    /// <inheritdoc />
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _isOver = true;
        socket.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        _isOver = true;
        socket.Dispose();
        pool.Dispose();
        return ValueTask.CompletedTask;
    }

    private static EndPoint? RemoteOf(Socket accepted)
    {
        try
        {
            return accepted.RemoteEndPoint;
        }
        catch (SocketException)
        {
            // The client has left already.
            return null;
        }
    }

    private LoopConnection? Connect(Socket accepted)
    {
        try
        {
            if (accepted.AddressFamily != AddressFamily.Unix)
            {
                accepted.NoDelay = true;
            }

            return new LoopConnection(accepted, loops.NextConnectionId(), loops.Next(), pool, slots, logger);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            // The client has left already, or the system cannot watch another socket.
            accepted.Dispose();
            slots.GiveBack();
            return null;
        }
    }
}
