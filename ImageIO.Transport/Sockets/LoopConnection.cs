using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// An accepted connection: its socket and its waits. <see cref="Open"/> adds the stream that moves its bytes.
/// </summary>
internal sealed partial class LoopConnection : DefaultConnectionContext, IMemoryPoolFeature, IConnectionSocketFeature
{
    // When a block has less room left than a record needs, reading continues in the next block.
    private const int SmallestRead = 16 * 1024;

    private readonly Socket _socket;
    private readonly SocketReadiness _readiness = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly ConnectionSlots _slots;
    private readonly Newcomer _newcomer;
    private readonly ILogger _logger;
    private SocketStream? _stream;
    private volatile bool _isTurnedAway;
    private int _aborted;
    private int _hasLeft;

    /// <exception cref="IOException">The system cannot watch one more socket.</exception>
    internal LoopConnection(
        Socket socket, string id, EventLoop loop, MemoryPool<byte> pool, ConnectionSlots slots, ILogger logger)
        : base(id)
    {
        _socket = socket;
        MemoryPool = pool;
        _slots = slots;
        _logger = logger;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
        Features.Set<IMemoryPoolFeature>(this);
        Features.Set<IConnectionSocketFeature>(this);
        LibC.SetNonBlocking(socket.SafeHandle);
        _readiness.Join(loop, socket.SafeHandle);
        _newcomer = slots.Newcomers.Add(RemoteEndPoint, HasBytes, TurnAway);
    }

    /// <inheritdoc />
    public MemoryPool<byte> MemoryPool { get; }

    /// <inheritdoc />
    Socket IConnectionSocketFeature.Socket => _socket;

    /// <summary>The connection inside the server's own wrapper.</summary>
    /// <exception cref="InvalidOperationException">The listener is not a loop's.</exception>
    internal static LoopConnection Of(ConnectionContext context) =>
        // It sets this feature itself.
        context.Features.Get<IMemoryPoolFeature>() as LoopConnection
        ?? throw new InvalidOperationException("The connection did not come from a loop's listener.");

    /// <summary>Waits for the client's first byte, and leaves it in the socket.</summary>
    /// <returns>The byte. Null: the client has left, or was turned away.</returns>
    internal async ValueTask<byte?> PeekAsync()
    {
        byte? first;
        while (!TryPeek(out first))
        {
            if (_isTurnedAway)
            {
                return null;
            }

            await _readiness.Reader.WaitAsync(SocketEvents.Readable, CancellationToken.None);
        }

        _slots.Newcomers.Speaks(_newcomer);
        return first;
    }

    /// <summary>
    /// Notes that the client has introduced itself: by its first byte, or with TLS by a complete handshake.
    /// </summary>
    internal void IsIntroduced() => _slots.Newcomers.Remove(_newcomer);

    /// <summary>Closes a connection that has not introduced itself.</summary>
    internal void TurnAway()
    {
        _isTurnedAway = true;
        if (_stream is null)
        {
            // No reset, because nothing was lost.
            _readiness.Interrupt();
        }
        else
        {
            Abort(new ConnectionAbortedException("The client did not introduce itself in time"));
        }
    }

    /// <summary>Adds the stream that moves the connection's bytes.</summary>
    /// <param name="make">Makes a stream for a socket. The stream calls the action when the client has left.</param>
    internal TStream Open<TStream>(Func<SafeHandle, SocketReadiness, Action, TStream> make)
        where TStream : SocketStream
    {
        TStream stream = make(_socket.SafeHandle, _readiness, FireClosed);
        _stream = stream;
        // Abort sets and reads the two in the opposite order.
        Interlocked.MemoryBarrier();
        if (_aborted != 0)
        {
            stream.Abort(new ConnectionAbortedException());
        }

        var writer = new DirectWriter(
            PipeWriter.Create(stream, new StreamPipeWriterOptions(MemoryPool, leaveOpen: true)), stream);
        // For code that has memory to lend.
        Features.Set<LendingWriter>(writer);
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
            // The connection has closed meanwhile.
        }

        FireClosed();
    }

    /// <summary>Closes the connection, by a reset if it was aborted.</summary>
    public override async ValueTask DisposeAsync()
    {
        if (_stream is { } stream)
        {
            // In this order, because an abandoned read must not write into a block that is given back here. Unflushed
            // bytes are not sent.
            await stream.DisposeAsync();
            var closed = new ObjectDisposedException(nameof(LoopConnection));
            await Transport.Input.CompleteAsync(closed);
            await Transport.Output.CompleteAsync(closed);
        }

        _readiness.Leave();
        if (_aborted != 0)
        {
            // RST, so that a cut answer does not look complete.
            _socket.LingerState = new LingerOption(true, 0);
        }

        _socket.Dispose();
        if (Interlocked.Exchange(ref _hasLeft, 1) == 0)
        {
            _slots.Newcomers.Remove(_newcomer);
            _slots.GiveBack();
        }

        FireClosed();
        _closed.Dispose();
        await base.DisposeAsync();
    }

    // Whether there is a byte, or the end.
    private bool TryPeek(out byte? first)
    {
        _readiness.Reader.Arm();
        nint received = Peek(out byte next);
        first = received > 0 ? next : null;
        return received >= 0 || Marshal.GetLastPInvokeError() != LibC.EAGAIN;
    }

    private bool HasBytes()
    {
        try
        {
            return Peek(out _) > 0;
        }
        catch (ObjectDisposedException)
        {
            // The connection is closing.
            return false;
        }
    }

    private unsafe nint Peek(out byte next)
    {
        fixed (byte* buffer = &next)
        {
            nint received;
            do
            {
                received = LibC.Receive(_socket.SafeHandle, buffer, 1, LibC.MSG_DONTWAIT | LibC.MSG_PEEK);
            }
            while (received < 0 && Marshal.GetLastPInvokeError() == LibC.EINTR);

            return received;
        }
    }

    // On the thread pool, because the callbacks may take long.
    private void FireClosed() => ThreadPool.UnsafeQueueUserWorkItem(
        static connection =>
        {
            try
            {
                connection._closed.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // Disposed meanwhile, so nothing needs to be called.
            }
            catch (AggregateException e)
            {
                // An exception of a callback. Thrown on, it would end the process.
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
