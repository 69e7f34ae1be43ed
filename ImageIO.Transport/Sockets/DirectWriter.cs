using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// Sends for a connection, and also from memory that the writer of a body lends: the server is handed this memory to
/// write into, and the flush sends from it. Nothing is copied.
/// </summary>
/// <remarks>
/// The memory is in use until the flush ends. For memory that others may need back, <see cref="SendAsync"/> first sends
/// as many bytes as the client takes; these bytes are then lent so that the server counts them, and the flush has
/// nothing left to send.
/// </remarks>
/// <param name="inner">Gathers all other bytes in blocks of the pool.</param>
/// <param name="stream">The stream that <paramref name="inner"/> writes to.</param>
internal sealed class DirectWriter(PipeWriter inner, SocketStream stream) : LendingWriter
{
    private ReadOnlyMemory<byte> _lent;

    // Set by the first write that failed. The client has left, so nothing is written any more.
    private bool _isBroken;

    // Whether the memory handed out last is the lent one, and how much of it was written.
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
    /// Sends what was written. If the client has left, the result is completed, as the server expects when the reader
    /// of a pipe has gone.
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

    // Pooled, so a flush of a download allocates no state machine.
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
