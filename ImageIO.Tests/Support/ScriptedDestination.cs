namespace ImageIO.Tests.Support;

/// <summary>A client that downloads: keeps what it is sent, and stalls or breaks when a test wants it to.</summary>
internal sealed class ScriptedDestination : Stream
{
    private readonly MemoryStream _received = new();

    /// <summary>Called before each write with the number of bytes already taken.</summary>
    public Func<long, Task>? BeforeWrite { get; init; }

    public byte[] Received => _received.ToArray();

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _received.Length;

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (BeforeWrite is not null)
        {
            await BeforeWrite(_received.Length).WaitAsync(cancellationToken);
        }

        cancellationToken.ThrowIfCancellationRequested();
        _received.Write(buffer.Span);
    }

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException(
        "Blocks the thread.");
}
