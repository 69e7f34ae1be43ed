namespace ImageIO.Client.Transport;

/// <summary>
/// The bytes of one connection. Notes each byte that moves, and lets a request end whose server has answered already
/// and takes no more of the body: the answer says why.
/// </summary>
internal sealed class WireStream(Stream inner, TimeProvider time) : Stream
{
    private Exception? _sendFailure;
    private long _lastMove = time.GetTimestamp();
    private long _sent;
    private long _received;

    /// <summary>
    /// Whether the server reads nothing more. Further bytes are dropped then; the answer is still read.
    /// </summary>
    public bool IsSendingOver => Volatile.Read(ref _sendFailure) is not null;

    /// <summary>Time since a byte moved.</summary>
    public TimeSpan Still => time.GetElapsedTime(Volatile.Read(ref _lastMove));

    /// <summary>Bytes written so far.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Bytes read so far.</summary>
    public long Received => Volatile.Read(ref _received);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Starts the clock of <see cref="Still"/> anew.</summary>
    public void Touch() => Volatile.Write(ref _lastMove, time.GetTimestamp());

    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (IsSendingOver)
        {
            return;
        }

        try
        {
            await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            Volatile.Write(ref _sendFailure, e);
            return;
        }

        Interlocked.Add(ref _sent, buffer.Length);
        Touch();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        try
        {
            read = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException) when (Volatile.Read(ref _sendFailure) is { } cause)
        {
            throw new IOException(cause.Message, cause);
        }

        if (read == 0 && buffer.Length > 0 && Volatile.Read(ref _sendFailure) is { } failure)
        {
            throw new IOException(failure.Message, failure);
        }

        Interlocked.Add(ref _received, read);
        Touch();
        return read;
    }

    public override Task FlushAsync(CancellationToken cancellationToken) =>
        IsSendingOver ? Task.CompletedTask : inner.FlushAsync(cancellationToken);

    public override void Flush()
    {
        if (!IsSendingOver)
        {
            inner.Flush();
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
