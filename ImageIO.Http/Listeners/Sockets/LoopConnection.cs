using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Listeners.Sockets;

/// <summary>
/// One accepted connection: the socket, and who waits for it. Its bytes are reached when <see cref="Open"/> has put a
/// stream on it.
/// </summary>
internal sealed partial class LoopConnection : DefaultConnectionContext, IMemoryPoolFeature, IConnectionSocketFeature
{
    // With less room than a record left in a block, reading goes on in the next one.
    private const int SmallestRead = 16 * 1024;

    private readonly Socket _socket;
    private readonly SocketReadiness _readiness = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly ILogger _logger;
    private SocketStream? _stream;
    private int _aborted;

    /// <exception cref="IOException">The system cannot watch one more socket.</exception>
    internal LoopConnection(Socket socket, string id, EventLoop loop, MemoryPool<byte> pool, ILogger logger)
        : base(id)
    {
        _socket = socket;
        MemoryPool = pool;
        _logger = logger;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
        Features.Set<IMemoryPoolFeature>(this);
        Features.Set<IConnectionSocketFeature>(this);
        LibC.SetNonBlocking(socket.SafeHandle);
        _readiness.Join(loop, socket.SafeHandle);
    }

    /// <inheritdoc />
    public MemoryPool<byte> MemoryPool { get; }

    /// <inheritdoc />
    Socket IConnectionSocketFeature.Socket => _socket;

    /// <summary>Waits for the client's first byte, and leaves it for the stream that is put on the connection.</summary>
    /// <returns>The byte. Null: the client has left.</returns>
    internal async ValueTask<byte?> PeekAsync()
    {
        byte? first;
        while (!TryPeek(out first))
        {
            await _readiness.Reader.WaitAsync(SocketEvents.Readable, CancellationToken.None);
        }

        return first;
    }

    /// <summary>Puts a stream on it, which moves its bytes from now on.</summary>
    /// <param name="make">Makes one for a socket; it is to tell, by the action, when the client has left.</param>
    internal TStream Open<TStream>(Func<SafeHandle, SocketReadiness, Action, TStream> make)
        where TStream : SocketStream
    {
        TStream stream = make(_socket.SafeHandle, _readiness, FireClosed);
        _stream = stream;
        // Who aborts looks at the two in the other order.
        Interlocked.MemoryBarrier();
        if (_aborted != 0)
        {
            stream.Abort(new ConnectionAbortedException());
        }

        var writer = new DirectWriter(PipeWriter.Create(stream, new StreamPipeWriterOptions(MemoryPool, leaveOpen: true)), stream);
        // For who has memory to lend.
        Features.Set(writer);
        Transport = new DuplexPipe(
            PipeReader.Create(stream, new StreamPipeReaderOptions(
                MemoryPool, MemoryPool.MaxBufferSize, SmallestRead, leaveOpen: true, useZeroByteReads: true)),
            writer);
        return stream;
    }

    /// <inheritdoc />
    public override void Abort(ConnectionAbortedException abortReason)
    {
        if (Interlocked.Exchange(ref _aborted, 1) != 0)
        {
            return;
        }

        _stream?.Abort(abortReason);
        _readiness.Interrupt();
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is gone already.
        }

        FireClosed();
    }

    /// <summary>Ends it, by a reset if it was aborted.</summary>
    public override async ValueTask DisposeAsync()
    {
        if (_stream is { } stream)
        {
            // In this order: a read that somebody left behind must not write into a block that is given back here. What
            // was not flushed is not sent.
            await stream.DisposeAsync();
            var closed = new ObjectDisposedException(nameof(LoopConnection));
            await Transport.Input.CompleteAsync(closed);
            await Transport.Output.CompleteAsync(closed);
        }

        _readiness.Leave();
        if (_aborted != 0)
        {
            // RST: what the client did not get must not look like a proper end.
            _socket.LingerState = new LingerOption(true, 0);
        }

        _socket.Dispose();
        FireClosed();
        _closed.Dispose();
        await base.DisposeAsync();
    }

    // Whether there was a byte, or the end.
    private unsafe bool TryPeek(out byte? first)
    {
        byte next;
        nint received;
        _readiness.Reader.Arm();
        do
        {
            received = LibC.Receive(_socket.SafeHandle, &next, 1, LibC.MSG_DONTWAIT | LibC.MSG_PEEK);
        }
        while (received < 0 && Marshal.GetLastPInvokeError() == LibC.EINTR);

        first = received > 0 ? next : null;
        return received >= 0 || Marshal.GetLastPInvokeError() != LibC.EAGAIN;
    }

    // On the thread pool: what is told of the end may do much.
    private void FireClosed() => ThreadPool.UnsafeQueueUserWorkItem(
        static connection =>
        {
            try
            {
                connection._closed.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // Disposed meanwhile: whoever wanted to know has gone.
            }
            catch (AggregateException e)
            {
                // Of those that were told. Thrown on, it would end the process.
                Log.CallbackFailed(connection._logger, connection.ConnectionId, e);
            }
        },
        this,
        preferLocal: false);

    private static partial class Log
    {
        [LoggerMessage(23, LogLevel.Error, "Connection {Connection}: who was told of its end failed")]
        public static partial void CallbackFailed(ILogger logger, string connection, Exception failure);
    }
}
