using System.Runtime.CompilerServices;
using System.Security.Authentication;

namespace ImageIO.Http.Listeners.OpenSsl;

/// <summary>
/// A TLS connection whose bytes OpenSSL moves between the socket and the caller's memory: no buffer of ours in between.
/// </summary>
/// <remarks>
/// An SSL object is not thread-safe, so every call of it is made under one lock, and none after it was given back: reader,
/// writer, the loop that hears of the peer's end, abort and close may come at any time and in any order. No call blocks,
/// the socket does not, so the lock is held for one buffer's encryption at most. One read and one write at a time.
/// </remarks>
internal sealed partial class OpenSslStream : AsyncStream
{
    // After so many calls in a row that did not have to wait, a loop's thread hands the work over: other connections
    // wait for it. At 64 KiB a call that is 2 MiB, beside which the hop costs nothing.
    private const int MostCallsInARow = 32;

    private readonly Lock _lock = new();
    private readonly SslHandle _ssl;
    private readonly SocketReadiness _readiness;
    private readonly Action _peerLeft;

    // Guarded by the lock.
    private bool _isOpen;
    private bool _closed;
    private bool _peerHasClosed;
    private bool _peerHasLeft;
    private bool _readEnded;

    private volatile Exception? _aborted;
    private int _readsInARow;
    private int _writesInARow;

    // What the last read found missing; None: nothing, another may find bytes at once.
    private SocketEvents _readWants;
    private bool _hasBeenRead;

    /// <param name="ssl">The connection's state, on a socket that does not block; this owns it.</param>
    /// <param name="readiness">Tells when the socket is ready.</param>
    /// <param name="peerLeft">
    /// Called, once, when the peer has closed its side of the connection and all its bytes were read, or the connection
    /// broke. The end of TLS alone (close_notify) says only that it sends no more.
    /// </param>
    internal OpenSslStream(SslHandle ssl, SocketReadiness readiness, Action peerLeft)
    {
        _ssl = ssl;
        _readiness = readiness;
        _peerLeft = peerLeft;
        readiness.PeerLeft = OnPeerLeft;
    }

    /// <inheritdoc />
    public override bool CanRead => true;

    /// <inheritdoc />
    public override bool CanWrite => true;

    /// <summary>The certificates that the other side sent, its own first; a server asks for none.</summary>
    internal IReadOnlyList<byte[]> PeerCertificates { get; private set; } = [];

    /// <summary>Whether bytes, the end or a failure were received and not read.</summary>
    internal bool HasUnread
    {
        get
        {
            lock (_lock)
            {
                return _closed || _readEnded || _aborted is not null || LibSsl.HasPending(_ssl) == 1;
            }
        }
    }

    /// <summary>What the handshake agreed on, when it is complete.</summary>
    internal TlsFeatures? Agreed { get; private set; }

    /// <summary>This side of the handshake.</summary>
    /// <exception cref="AuthenticationException">The other offered nothing usable, or did not speak TLS.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    internal async Task HandshakeAsync(CancellationToken cancellationToken)
    {
        while (TryHandshake() is { } wants)
        {
            await _readiness.Reader.WaitAsync(wants, cancellationToken);
        }
    }

    /// <summary>Reads what has come, at least one byte; 0 at the end. With an empty buffer: waits until there may be some.</summary>
    /// <inheritdoc />
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (EventLoop.IsLoopThread && ++_readsInARow > MostCallsInARow)
        {
            return HandOverAsync(buffer, cancellationToken);
        }

        // What the last attempt missed has not come yet: the next one would be a system call for nothing.
        if (_readWants != SocketEvents.None && _aborted is null && !_readiness.Reader.IsWorthTrying)
        {
            return WaitAndReadAsync(buffer, cancellationToken);
        }

        if (buffer.IsEmpty)
        {
            // Who waits for the first bytes does so without a buffer, too.
            bool isReady = _hasBeenRead || TryPeek();
            _hasBeenRead = true;
            return isReady ? ValueTask.FromResult(0) : WaitAndReadAsync(buffer, cancellationToken);
        }

        return TryRead(buffer.Span) is { } read ? ValueTask.FromResult(read) : WaitAndReadAsync(buffer, cancellationToken);
    }

    /// <summary>Encrypts and sends it all.</summary>
    /// <inheritdoc />
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (EventLoop.IsLoopThread && ++_writesInARow > MostCallsInARow)
        {
            return HandOverAsync(buffer, cancellationToken);
        }

        int written = 0;
        return TryWrite(buffer.Span, ref written) is { } wants
            ? WaitAndWriteAsync(buffer, written, wants, cancellationToken)
            : ValueTask.CompletedTask;
    }

    /// <summary>Does nothing: what was written has been given to the socket.</summary>
    /// <inheritdoc />
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// Tells the other side that nothing follows (close_notify), when it has room for that. That it cannot be told says only
    /// that it is gone: then it need not know.
    /// </summary>
    internal async ValueTask SendEndAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (TryEnd() is { } wants)
            {
                await _readiness.Writer.WaitAsync(wants, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // It takes nothing more.
        }
    }

    /// <summary>Ends what waits, with this reason; later calls fail with it too. The socket is the caller's.</summary>
    internal void Abort(Exception reason)
    {
        _aborted ??= reason;
        _readiness.Interrupt();
    }

    /// <summary>Gives the connection's state back. Calls that come late fail.</summary>
    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            _ssl.Dispose();
        }

        _readiness.PeerLeft = null;
        _readiness.Interrupt();
        base.Dispose(disposing);
    }

    private async ValueTask<int> HandOverAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        _readsInARow = 0;
        await Task.Yield();
        return await ReadAsync(buffer, cancellationToken);
    }

    private async ValueTask HandOverAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        _writesInARow = 0;
        await Task.Yield();
        await WriteAsync(buffer, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAndReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            await _readiness.Reader.WaitAsync(_readWants, cancellationToken);
            _readsInARow = 0;
            if (buffer.IsEmpty)
            {
                // Nobody is to fetch a buffer for a connection that is over.
                ThrowIfOver();
                return 0;
            }

            if (TryRead(buffer.Span) is { } read)
            {
                return read;
            }
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitAndWriteAsync(
        ReadOnlyMemory<byte> buffer, int written, SocketEvents wants, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await _readiness.Writer.WaitAsync(wants, cancellationToken);
            }
            catch (OperationCanceledException e)
            {
                // A part of the buffer may be in a record already: what follows could not be understood any more.
                Abort(e);
                throw;
            }

            _writesInARow = 0;
            if (TryWrite(buffer.Span, ref written) is not { } missing)
            {
                return;
            }

            wants = missing;
        }
    }

    private void ThrowIfOver()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (_aborted is { } reason)
        {
            throw new IOException($"The connection is over: {reason.Message}", reason);
        }
    }

    // On the loop's thread. Bytes may lie before the end: then who reads them finds it.
    private void OnPeerLeft(SocketEvents events)
    {
        bool leaves = (events & SocketEvents.Error) != 0;
        lock (_lock)
        {
            _peerHasClosed = true;
            // Before the handshake is over, whoever makes it finds the end.
            leaves = leaves || (_isOpen && !_closed && !_peerHasLeft && IsAtEnd());
        }

        if (leaves)
        {
            Leave();
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            if (_peerHasLeft)
            {
                return;
            }

            _peerHasLeft = true;
        }

        _peerLeft();
    }
}
