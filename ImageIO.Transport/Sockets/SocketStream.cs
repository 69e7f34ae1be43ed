using System.Runtime.CompilerServices;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// Moves bytes between a non-blocking socket and the caller's memory, without a buffer in between. A wait continues on
/// the thread of the loop that watches the socket.
/// </summary>
/// <remarks>
/// Every attempt is made under one lock, and none after the stream was disposed: reader, writer, loop, abort and close
/// may call at any time and in any order. No attempt blocks, so the lock is held for one buffer at most. One read and
/// one write at a time.
/// </remarks>
internal abstract class SocketStream : AsyncStream
{
    // After so many bytes or calls in a row without a wait, a loop's thread hands the work over, because other
    // connections wait for the thread. Beside 2 MiB the hop costs nothing.
    private const int MostBytesInARow = 2 * 1024 * 1024;
    private const int LeastBytesOfACall = 64 * 1024;

    private readonly Action _peerLeft;

    // Guarded by the lock.
    private bool _peerHasHungUp;
    private bool _peerHasLeft;
    private bool _readEnded;

    private volatile Exception? _aborted;
    private bool _isSendInterrupted;
    private int _readInARow;
    private int _writtenInARow;

    // What the last read waits for. None: nothing, another read may find bytes at once.
    private SocketEvents _readWants;
    private bool _hasBeenRead;

    /// <param name="readiness">Tells when the socket is ready.</param>
    /// <param name="peerLeft">Called once, when the connection broke, or the peer has closed both directions and all
    /// its bytes were read. Not called when the peer has only ended its sending side.</param>
    protected SocketStream(SocketReadiness readiness, Action peerLeft)
    {
        Readiness = readiness;
        _peerLeft = peerLeft;
        readiness.PeerLeft = OnPeerLeft;
    }

    /// <inheritdoc />
    public override bool CanRead => true;

    /// <inheritdoc />
    public override bool CanWrite => true;

    /// <summary>
    /// Whether an end, a failure, or bytes that are no longer in the socket were received and not read.
    /// </summary>
    internal bool HasUnread
    {
        get
        {
            lock (Gate)
            {
                return IsDisposed || _readEnded || _aborted is not null || HasReceived;
            }
        }
    }

    /// <summary>Held during every attempt.</summary>
    protected Lock Gate { get; } = new();

    protected SocketReadiness Readiness { get; }

    /// <summary>Whether bytes can be moved. Under the lock.</summary>
    protected virtual bool IsOpen => true;

    /// <summary>Whether bytes were received and not read, besides those in the socket. Under the lock.</summary>
    protected virtual bool HasReceived => false;

    /// <summary>Under the lock.</summary>
    protected bool IsDisposed { get; private set; }

    /// <summary>Why it ended; null: it has not.</summary>
    protected Exception? Aborted => _aborted;

    /// <summary>Reads at least one byte; 0 at the end. With an empty buffer it waits until there may be some.</summary>
    /// <inheritdoc />
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (EventLoop.IsLoopThread && _readInARow >= MostBytesInARow)
        {
            return HandOverAsync(buffer, cancellationToken);
        }

        // The last attempt found nothing and no event came since, so another one would be a system call for nothing.
        if (_readWants != SocketEvents.None && _aborted is null && !Readiness.IsWorthReading)
        {
            return WaitAndReadAsync(buffer, cancellationToken);
        }

        if (buffer.IsEmpty)
        {
            // The wait for the first bytes needs no buffer either.
            bool isReady = _hasBeenRead || TryPeek();
            _hasBeenRead = true;
            return isReady ? ValueTask.FromResult(0) : WaitAndReadAsync(buffer, cancellationToken);
        }

        return TryRead(
            buffer.Span) is { } read ? ValueTask.FromResult(read) : WaitAndReadAsync(buffer, cancellationToken);
    }

    /// <summary>Sends all bytes.</summary>
    /// <inheritdoc />
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (EventLoop.IsLoopThread && _writtenInARow >= MostBytesInARow)
        {
            return HandOverAsync(buffer, cancellationToken);
        }

        int written = 0;
        return TryWrite(buffer.Span, ref written) is { } wants
            ? WaitAndWriteAsync(buffer, written, wants, cancellationToken)
            : ValueTask.CompletedTask;
    }

    /// <summary>
    /// Sends bytes like <see cref="WriteAsync"/>, but can be interrupted while it waits for the peer.
    /// </summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>
    /// Bytes that were taken: all, or fewer after <see cref="InterruptSend"/>. The last of them may not be in the
    /// socket yet; the next write sends them first.
    /// </returns>
    internal ValueTask<int> SendAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        if (EventLoop.IsLoopThread && _writtenInARow >= MostBytesInARow)
        {
            return HandOverSendAsync(buffer, cancellationToken);
        }

        int written = 0;
        return TryWrite(buffer.Span, ref written) is { } wants
            ? WaitAndSendAsync(buffer, written, wants, mayStop: true, cancellationToken)
            : ValueTask.FromResult(written);
    }

    /// <summary>Ends the wait of the running or next <see cref="SendAsync"/>. May be called on any thread.</summary>
    internal void InterruptSend()
    {
        Interlocked.Exchange(ref _isSendInterrupted, true);
        // On the thread pool, because the caller has work of its own.
        ThreadPool.UnsafeQueueUserWorkItem(
            static writer => writer.Signal(SocketEvents.Any), Readiness.Writer, preferLocal: false);
    }

    /// <summary>Does nothing: written bytes are in the socket.</summary>
    /// <inheritdoc />
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// Ends all waits with this reason, and makes later calls fail with it. The caller closes the socket.
    /// </summary>
    internal void Abort(Exception reason)
    {
        _aborted ??= reason;
        Readiness.Interrupt();
    }

    /// <summary>Receives some bytes. Under the lock, never after a failure or the end.</summary>
    /// <param name="buffer">Receives them.</param>
    /// <param name="length">Its length, more than 0.</param>
    /// <param name="wants">If 0 is returned: what to wait for. None: it ended or failed, which was noted.</param>
    /// <returns>Bytes received.</returns>
    protected abstract unsafe int Receive(byte* buffer, int length, out SocketEvents wants);

    /// <summary>Whether there is a byte to read. Under the lock.</summary>
    /// <param name="wants">If not: see <see cref="Receive"/>.</param>
    protected abstract bool Peek(out SocketEvents wants);

    /// <summary>Sends some bytes. Under the lock.</summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="length">How many, more than 0.</param>
    /// <param name="sent">Bytes that need not be passed again.</param>
    /// <returns>What the remaining bytes wait for. None: nothing, or it failed, which was noted.</returns>
    protected abstract unsafe SocketEvents Send(byte* buffer, int length, out int sent);

    /// <summary>Sends bytes that an earlier <see cref="Send"/> took and could not pass on. Under the lock.</summary>
    /// <returns>See <see cref="Send"/>.</returns>
    protected virtual SocketEvents SendRest() => SocketEvents.None;

    /// <summary>Frees resources. Called once, under the lock.</summary>
    protected virtual void Free()
    {
    }

    /// <summary>Notes that the peer sends no more.</summary>
    protected void NoteEnd() => _readEnded = true;

    /// <summary>Notes that the connection broke.</summary>
    protected void NoteFailure(Exception failure) => _aborted ??= failure;

    /// <summary>Throws if it was disposed or has ended. Under the lock.</summary>
    protected void ThrowIfOver()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_aborted is { } reason)
        {
            throw new IOException($"The connection is over: {reason.Message}", reason);
        }
    }

    /// <summary>Frees the connection's state. Late calls fail.</summary>
    protected override void Dispose(bool disposing)
    {
        lock (Gate)
        {
            if (IsDisposed)
            {
                return;
            }

            IsDisposed = true;
            Free();
        }

        Readiness.PeerLeft = null;
        Readiness.Interrupt();
        base.Dispose(disposing);
    }

    // Reads until the buffer is full or the socket empty. Null: nothing yet; _readWants says what to wait for.
    private unsafe int? TryRead(Span<byte> buffer)
    {
        int total = 0;
        bool ended, leaves;
        lock (Gate)
        {
            ThrowIfOver();
            Readiness.Reader.Arm();
            _readWants = SocketEvents.None;
            fixed (byte* start = buffer)
            {
                while (total < buffer.Length && !_readEnded)
                {
                    int read = Receive(start + total, buffer.Length - total, out SocketEvents wants);
                    total += read;
                    if (read == 0)
                    {
                        _readWants = wants;
                        break;
                    }
                }
            }

            // The caller gets the bytes that were read before the failure. The next read reports it.
            if (total == 0)
            {
                ThrowIfOver();
            }

            ended = _readEnded;
            leaves = ended && _peerHasHungUp;
        }

        _readInARow += Math.Max(LeastBytesOfACall, total);
        if (leaves)
        {
            Leave();
        }

        return total > 0 || ended ? total : null;
    }

    // Whether there is something to read: bytes, the end or a failure. If not, _readWants says what to wait for.
    private bool TryPeek()
    {
        lock (Gate)
        {
            ThrowIfOver();
            Readiness.Reader.Arm();
            return Peek(out _readWants) || _readWants == SocketEvents.None;
        }
    }

    // Writes until all is written or the socket is full. Null: all is written; otherwise what to wait for.
    private unsafe SocketEvents? TryWrite(ReadOnlySpan<byte> buffer, ref int written)
    {
        int before = written;
        lock (Gate)
        {
            fixed (byte* start = buffer)
            {
                while (true)
                {
                    ThrowIfOver();
                    Readiness.Writer.Arm();
                    int sent = 0;
                    SocketEvents wants = written < buffer.Length
                        ? Send(start + written, buffer.Length - written, out sent)
                        : SendRest();
                    written += sent;
                    ThrowIfOver();
                    if (wants != SocketEvents.None)
                    {
                        return wants;
                    }

                    if (written == buffer.Length && sent == 0)
                    {
                        break;
                    }
                }
            }
        }

        _writtenInARow += Math.Max(LeastBytesOfACall, written - before);
        return null;
    }

    private async ValueTask<int> HandOverAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        _readInARow = 0;
        await Task.Yield();
        return await ReadAsync(buffer, cancellationToken);
    }

    private async ValueTask<int> HandOverSendAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        _writtenInARow = 0;
        await Task.Yield();
        return await SendAsync(buffer, cancellationToken);
    }

    private async ValueTask HandOverAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        _writtenInARow = 0;
        await Task.Yield();
        await WriteAsync(buffer, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAndReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            await Readiness.Reader.WaitAsync(_readWants, cancellationToken);
            _readInARow = 0;
            if (buffer.IsEmpty)
            {
                // So that no buffer is fetched for a connection that has ended.
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
        ReadOnlyMemory<byte> buffer, int written, SocketEvents wants, CancellationToken cancellationToken) =>
        await WaitAndSendAsync(buffer, written, wants, mayStop: false, cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAndSendAsync(
        ReadOnlyMemory<byte> buffer, int written, SocketEvents wants, bool mayStop, CancellationToken cancellationToken)
    {
        // Checked before each wait, because the request may have come during the attempt.
        while (!mayStop || !Interlocked.Exchange(ref _isSendInterrupted, false))
        {
            try
            {
                await Readiness.Writer.WaitAsync(wants, cancellationToken);
            }
            catch (OperationCanceledException e)
            {
                // A part of the buffer may have been sent, so the peer could not understand later bytes.
                Abort(e);
                throw;
            }

            _writtenInARow = 0;
            if (mayStop && Interlocked.Exchange(ref _isSendInterrupted, false))
            {
                break;
            }

            if (TryWrite(buffer.Span, ref written) is not { } missing)
            {
                break;
            }

            wants = missing;
        }

        return written;
    }

    // On the loop's thread. A peer that ended only its sending side waits for its answer, and the reader finds the end.
    // A peer that has hung up may have sent bytes before, which the reader finds first.
    private void OnPeerLeft(SocketEvents events)
    {
        bool leaves = (events & SocketEvents.Error) != 0;
        lock (Gate)
        {
            _peerHasHungUp |= (events & SocketEvents.HangUp) != 0;
            // Before a connection is open, the handshake finds the end.
            leaves = leaves || (_peerHasHungUp && IsOpen && !IsDisposed && !_peerHasLeft && IsAtEnd());
        }

        if (leaves)
        {
            Leave();
        }
    }

    // Whether the reader has reached the end. Under the lock.
    private bool IsAtEnd() => _aborted is not null || _readEnded || !Peek(out _);

    /// <summary>Reports, once, that the peer has left.</summary>
    internal void Leave()
    {
        lock (Gate)
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
