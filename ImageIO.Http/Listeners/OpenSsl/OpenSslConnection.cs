using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace ImageIO.Http.Listeners.OpenSsl;

/// <summary>
/// One accepted connection: the socket, and who waits for it. Its bytes are reached when <see cref="Open"/> has put TLS
/// on it.
/// </summary>
internal sealed class OpenSslConnection : DefaultConnectionContext, IMemoryPoolFeature, IConnectionSocketFeature
{
    // With less room than a record left in a block, reading goes on in the next one.
    private const int SmallestRead = 16 * 1024;

    private readonly Socket _socket;
    private readonly EventLoop _loop;
    private readonly SocketReadiness _readiness = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly ulong _number;
    private OpenSslStream? _stream;
    private int _aborted;

    /// <exception cref="IOException">The system cannot watch one more socket.</exception>
    internal OpenSslConnection(Socket socket, string id, EventLoop loop, MemoryPool<byte> pool)
        : base(id)
    {
        _socket = socket;
        _loop = loop;
        MemoryPool = pool;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
        Features.Set<IMemoryPoolFeature>(this);
        Features.Set<IConnectionSocketFeature>(this);
        int flags = LibC.FileControl(socket.SafeHandle, LibC.F_GETFL, 0);
        _ = LibC.FileControl(socket.SafeHandle, LibC.F_SETFL, flags | LibC.O_NONBLOCK);
        _number = loop.Add(socket.SafeHandle, _readiness);
    }

    /// <inheritdoc />
    public MemoryPool<byte> MemoryPool { get; }

    /// <inheritdoc />
    Socket IConnectionSocketFeature.Socket => _socket;

    /// <summary>Makes it a TLS connection; the handshake comes next.</summary>
    internal OpenSslStream Open(OpenSslContext context)
    {
        var stream = new OpenSslStream(context.Open(_socket.SafeHandle), _readiness, FireClosed);
        _stream = stream;
        if (_aborted != 0)
        {
            stream.Abort(new ConnectionAbortedException());
        }

        Transport = PipesOver(stream);
        return stream;
    }

    /// <summary>
    /// Tells the client that nothing follows, when the server is through with the connection. Its bytes can be read on, for
    /// who wants to see it leave.
    /// </summary>
    internal void End(OpenSslStream stream)
    {
        stream.SendEnd();
        Transport = PipesOver(stream);
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

    /// <summary>Ends it: politely if nothing failed.</summary>
    public override async ValueTask DisposeAsync()
    {
        if (_stream is { } stream)
        {
            await Transport.Input.CompleteAsync();
            await stream.DisposeAsync();
        }

        _loop.Remove(_socket.SafeHandle, _number);
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

    private DuplexPipe PipesOver(OpenSslStream stream) => new(
        PipeReader.Create(stream, new StreamPipeReaderOptions(
            MemoryPool, MemoryPool.MaxBufferSize, SmallestRead, leaveOpen: true, useZeroByteReads: true)),
        PipeWriter.Create(stream, new StreamPipeWriterOptions(MemoryPool, leaveOpen: true)));

    // On the thread pool: what is told of the end may do much.
    private void FireClosed() => ThreadPool.UnsafeQueueUserWorkItem(
        static closed =>
        {
            try
            {
                closed.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // Disposed meanwhile: whoever wanted to know has gone.
            }
        },
        _closed,
        preferLocal: false);
}
