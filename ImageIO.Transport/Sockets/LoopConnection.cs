using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace ImageIO.Transport.Sockets;

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

    /// <summary>The connection behind the server's own wrapper.</summary>
    /// <exception cref="InvalidOperationException">It is no connection of a loop's listener.</exception>
    internal static LoopConnection Of(ConnectionContext context) =>
        // By the feature that it set.
        context.Features.Get<IMemoryPoolFeature>() as LoopConnection
        ?? throw new InvalidOperationException("The connection did not come from a loop's listener.");

    /// <summary>
    /// Waits for the client's first byte, and leaves it for the stream that is put on the connection.
    /// </summary>
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
    /// The client has introduced itself: it has sent its first byte, or with TLS the handshake is complete.
    /// </summary>
    internal void IsIntroduced() => _slots.Newcomers.Remove(_newcomer);

    /// <summary>Ends a connection that has not introduced itself.</summary>
    internal void TurnAway()
    {
        _isTurnedAway = true;
        if (_stream is null)
        {
            // By an ordinary end: nothing was lost.
            _readiness.Interrupt();
        }
        else
        {
            Abort(new ConnectionAbortedException("The client did not introduce itself in time"));
        }
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

        var writer = new DirectWriter(
            PipeWriter.Create(stream, new StreamPipeWriterOptions(MemoryPool, leaveOpen: true)), stream);
        // For who has memory to lend.
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
        if (Interlocked.Exchange(ref _hasLeft, 1) == 0)
        {
            _slots.Newcomers.Remove(_newcomer);
            _slots.GiveBack();
        }

        FireClosed();
        _closed.Dispose();
        await base.DisposeAsync();
    }

    // Whether there was a byte, or the end.
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
            // It is just closing.
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
