using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// What a connection sends. Who writes a body may lend the memory that holds its bytes: the server is handed that very
/// memory to put them into, and the flush sends them from there. Nothing is copied.
/// </summary>
/// <remarks>
/// The memory is used until the flush is complete, whatever it ends by. For memory that others may need back,
/// <see cref="SendAsync"/> sends the bytes first, as many as the client takes; those are then lent, so that the server
/// counts them, and the flush has nothing left to send.
/// </remarks>
/// <param name="inner">Gathers what is written otherwise, in blocks of the pool.</param>
/// <param name="stream">What <paramref name="inner"/> writes to.</param>
internal sealed class DirectWriter(PipeWriter inner, SocketStream stream) : LendingWriter
{
    private ReadOnlyMemory<byte> _lent;

    // Set by the first write that failed: the client has left, and nothing is written any more.
    private bool _isBroken;

    // Whether the memory that was handed out last is the lent one, and how much of that was written.
    private bool _isLent;
    private int _written;

    // Whether the lent bytes were sent before they were lent.
    private bool _isSent;

    /// <inheritdoc />
    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    /// <inheritdoc />
    public override long UnflushedBytes => inner.UnflushedBytes + _written;

    /// <inheritdoc />
    public override void Lend(ReadOnlyMemory<byte> bytes, bool areSent = false) => (_lent, _isSent) = (bytes, areSent);

    /// <inheritdoc />
    public override ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (_isBroken)
        {
            throw new IOException("The client has left");
        }

        try
        {
            ValueTask<int> sending = stream.SendAsync(bytes, cancellationToken);
            return sending.IsCompletedSuccessfully ? sending : NoteIfBrokenAsync(sending);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw NoteBroken(e);
        }
    }

    /// <inheritdoc />
    public override void InterruptSend() => stream.InterruptSend();

    /// <inheritdoc />
    public override ValueTask SendRestAsync(CancellationToken cancellationToken) =>
        stream.WriteAsync(default, cancellationToken);

    /// <inheritdoc />
    public override void TakeBack()
    {
        if (_written > 0)
        {
            stream.Abort(new IOException("A write was given up"));
        }

        (_lent, _isLent, _written, _isSent) = (default, false, 0, false);
    }

    /// <inheritdoc />
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        _isLent = _written == 0 && sizeHint == _lent.Length && sizeHint > 0;
        return _isLent ? MemoryMarshal.AsMemory(_lent) : inner.GetMemory(sizeHint);
    }

    /// <inheritdoc />
    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc />
    public override void Advance(int bytes)
    {
        if (_isLent)
        {
            _written = bytes;
        }
        else
        {
            inner.Advance(bytes);
        }
    }

    /// <summary>
    /// Sends what was written. A client that has left is no failure here: the result is completed, as the server
    /// expects of a writer whose reader has gone, and the connection counts as closed.
    /// </summary>
    /// <inheritdoc />
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_isBroken)
        {
            return ValueTask.FromResult(new FlushResult(isCanceled: false, isCompleted: true));
        }

        if (_written > 0 && _isSent)
        {
            _written = 0;
            return default;
        }

        if (_written > 0)
        {
            return FlushDirectlyAsync(cancellationToken);
        }

        ValueTask<FlushResult> flush = inner.FlushAsync(cancellationToken);
        return flush.IsCompletedSuccessfully ? flush : EndIfBrokenAsync(flush);
    }

    /// <inheritdoc />
    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    /// <inheritdoc />
    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    /// <inheritdoc />
    public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

    // One state machine for each flush of a download, and none of it is allocated.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> FlushDirectlyAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (inner.UnflushedBytes > 0)
            {
                FlushResult before = await inner.FlushAsync(cancellationToken);
                if (before.IsCanceled || before.IsCompleted)
                {
                    return before;
                }
            }

            await stream.WriteAsync(_lent[.._written], cancellationToken);
            _written = 0;
            return default;
        }
        catch (Exception e) when (IsBroken(e))
        {
            return End();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> NoteIfBrokenAsync(ValueTask<int> sending)
    {
        try
        {
            return await sending;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw NoteBroken(e);
        }
    }

    private IOException NoteBroken(Exception failure)
    {
        _isBroken = true;
        stream.Leave();
        return new IOException("The client has left", failure);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> EndIfBrokenAsync(ValueTask<FlushResult> flush)
    {
        try
        {
            return await flush;
        }
        catch (Exception e) when (IsBroken(e))
        {
            return End();
        }
    }

    private static bool IsBroken(Exception e) => e is IOException or ObjectDisposedException;

    private FlushResult End()
    {
        _isBroken = true;
        stream.Leave();
        return new FlushResult(isCanceled: false, isCompleted: true);
    }
}
