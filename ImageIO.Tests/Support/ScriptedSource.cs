namespace ImageIO.Tests.Support;

/// <summary>
/// A client that uploads: gives its bytes in pieces of a chosen size, then ends, breaks, or waits for the test.
/// </summary>
internal sealed class ScriptedSource(byte[] bytes, int pieceSize = int.MaxValue) : Stream
{
    private int _position;

    /// <summary>How it ends, if not well.</summary>
    public IOException? Failure { get; init; }

    /// <summary>Called before each read with the number of bytes already given.</summary>
    public Func<int, Task>? BeforeRead { get; init; }

    /// <summary>Bytes that were taken from it.</summary>
    public int Taken => Volatile.Read(ref _position);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (BeforeRead is not null)
        {
            await BeforeRead(_position);
        }

        cancellationToken.ThrowIfCancellationRequested();
        int count = Math.Min(Math.Min(pieceSize, buffer.Length), bytes.Length - _position);
        if (_position == bytes.Length && Failure is not null)
        {
            throw Failure;
        }

        bytes.AsSpan(_position, count).CopyTo(buffer.Span);
        Interlocked.Add(ref _position, count);
        return count;
    }

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Blocks the thread.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
