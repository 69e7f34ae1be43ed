using ImageIO.Transport.Sockets;

namespace ImageIO.Tests.Support;

/// <summary>Keeps the bytes that pass through it.</summary>
internal sealed class RecordingStream(Stream inner) : AsyncStream
{
    public List<byte> Received { get; } = [];

    public int SentCount { get; private set; }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await inner.ReadAsync(buffer, cancellationToken);
        Received.AddRange(buffer.Span[..read]);
        return read;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        SentCount += buffer.Length;
        return inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);
}
