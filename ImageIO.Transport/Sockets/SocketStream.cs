using System.Runtime.CompilerServices;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// A connection's bytes between a socket that does not block and the caller's memory: no buffer of ours in between.
/// What has to wait goes on on the loop's thread that hears of the socket.
/// </summary>
/// <remarks>
/// Every attempt is made under one lock, and none after the stream was disposed: reader, writer, the loop that hears of
/// the peer's end, abort and close may come at any time and in any order. No attempt blocks, so the lock is held for
/// one buffer's way to the socket at most. One read and one write at a time.
/// </remarks>
internal abstract class SocketStream : AsyncStream
{
    // After so many bytes, or calls, in a row that did not have to wait, a loop's thread hands the work over: other
    // connections wait for it. Beside 2 MiB the hop costs nothing.
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

    // What the last read found missing; None: nothing, another may find bytes at once.
    private SocketEvents _readWants;
    private bool _hasBeenRead;

    /// <param name="readiness">Tells when the socket is ready.</param>
    /// <param name="peerLeft">
    /// Called, once, when the peer has closed both sides of the connection and all its bytes were read, or the
    /// connection broke. Not when it has ended only its sending side.
    /// </param>
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
    /// Whether the end or a failure, or bytes besides those in the socket, were received and not read.
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

    /// <summary>Held for every attempt.</summary>
    protected Lock Gate { get; } = new();

    /// <summary>Tells when the socket is ready.</summary>
    protected SocketReadiness Readiness { get; }

    /// <summary>Whether bytes can be moved already. Under the lock.</summary>
    protected virtual bool IsOpen => true;

    /// <summary>Whether bytes were received and not read, besides those in the socket. Under the lock.</summary>
    protected virtual bool HasReceived => false;

    /// <summary>Whether it was disposed. Under the lock.</summary>
    protected bool IsDisposed { get; private set; }

    /// <summary>Why it is over; null: it is not.</summary>
    protected Exception? Aborted => _aborted;

    /// <summary>
    /// Reads what has come, at least one byte; 0 at the end. With an empty buffer: waits until there may be some.
    /// </summary>
    /// <inheritdoc />
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (EventLoop.IsLoopThread && _readInARow >= MostBytesInARow)
        {
            return HandOverAsync(buffer, cancellationToken);
        }

        // What the last attempt missed has not come yet: the next one would be a system call for nothing.
        if (_readWants != SocketEvents.None && _aborted is null && !Readiness.IsWorthReading)
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

        return TryRead(
            buffer.Span) is { } read ? ValueTask.FromResult(read) : WaitAndReadAsync(buffer, cancellationToken);
    }

    /// <summary>Sends it all.</summary>
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

    /// <summary>Sends bytes like <see cref="WriteAsync"/>, but stops when it is interrupted while it waits for the
    /// peer.</summary>
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

    /// <summary>Ends the wait of a <see cref="SendAsync"/>, or of the next one that has to wait. From any
    /// thread.</summary>
    internal void InterruptSend()
    {
        Interlocked.Exchange(ref _isSendInterrupted, true);
        // Not on the caller's thread, which has work of its own.
        ThreadPool.UnsafeQueueUserWorkItem(
            static writer => writer.Signal(SocketEvents.Any), Readiness.Writer, preferLocal: false);
    }

    /// <summary>Does nothing: what was written has been given to the socket.</summary>
    /// <inheritdoc />
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Ends what waits, with this reason; later calls fail with it too. The socket is the caller's.</summary>
    internal void Abort(Exception reason)
    {
        _aborted ??= reason;
        Readiness.Interrupt();
    }

    /// <summary>Receives some bytes. Under the lock, never after a failure or the end.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="length">Its length, more than 0.</param>
    /// <param name="wants">With 0: what another attempt waits for; None: nothing, it ended or failed, which was
    /// told.</param>
    /// <returns>Bytes received.</returns>
    protected abstract unsafe int Receive(byte* buffer, int length, out SocketEvents wants);

    /// <summary>Whether there is a byte to read. Under the lock.</summary>
    /// <param name="wants">If not: as for <see cref="Receive"/>.</param>
    protected abstract bool Peek(out SocketEvents wants);

    /// <summary>Sends some bytes. Under the lock.</summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="length">How many, more than 0.</param>
    /// <param name="sent">Bytes of them that need not be given again.</param>
    /// <returns>What the rest waits for; None: nothing, or it failed, which was told.</returns>
    protected abstract unsafe SocketEvents Send(byte* buffer, int length, out int sent);

    /// <summary>Sends what an earlier <see cref="Send"/> took and could not pass on. Under the lock.</summary>
    /// <returns>As of <see cref="Send"/>.</returns>
    protected virtual SocketEvents SendRest() => SocketEvents.None;

    /// <summary>Gives back what the stream holds. Under the lock, once.</summary>
    protected virtual void Free()
    {
    }

    /// <summary>Notes the end of what the peer sends.</summary>
    protected void NoteEnd() => _readEnded = true;

    /// <summary>Notes that the connection broke.</summary>
    protected void NoteFailure(Exception failure) => _aborted ??= failure;

    /// <summary>Fails if it was disposed or is over. Under the lock.</summary>
    protected void ThrowIfOver()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_aborted is { } reason)
        {
            throw new IOException($"The connection is over: {reason.Message}", reason);
        }
    }

    /// <summary>Gives the connection's state back. Calls that come late fail.</summary>
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

    // Reads until the buffer is full or the socket empty. Null: nothing there yet; _readWants says what for.
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

            // What was read before the failure is the caller's; the next read reports it.
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

    // Looks whether there is something to read, the end and a failure included. If not, _readWants says what for.
    private bool TryPeek()
    {
        lock (Gate)
        {
            ThrowIfOver();
            Readiness.Reader.Arm();
            return Peek(out _readWants) || _readWants == SocketEvents.None;
        }
    }

    // Writes until all is written or the socket full. Null: all is; else what the rest waits for.
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
        ReadOnlyMemory<byte> buffer, int written, SocketEvents wants, CancellationToken cancellationToken) =>
        await WaitAndSendAsync(buffer, written, wants, mayStop: false, cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAndSendAsync(
        ReadOnlyMemory<byte> buffer, int written, SocketEvents wants, bool mayStop, CancellationToken cancellationToken)
    {
        // Looked at before each wait: the request may have come during the last attempt.
        while (!mayStop || !Interlocked.Exchange(ref _isSendInterrupted, false))
        {
            try
            {
                await Readiness.Writer.WaitAsync(wants, cancellationToken);
            }
            catch (OperationCanceledException e)
            {
                // A part of the buffer may be sent already: what follows could not be understood any more.
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

    // On the loop's thread. A peer that only ends its sending side has not left: it waits for its answer, and the
    // reader finds the end. One that has hung up may have sent bytes before: then the reader finds out.
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

    // Whether the reader has nothing more to come. Under the lock.
    private bool IsAtEnd() => _aborted is not null || _readEnded || !Peek(out _);

    /// <summary>The peer has left: tells so, once.</summary>
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
