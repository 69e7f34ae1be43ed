using ImageIO.Transport.Sockets;

namespace ImageIO.Tests.Support;

/// <summary>Breaks when so many bytes have gone by, in both directions together.</summary>
internal sealed class LimitedStream(Stream inner, int limit) : AsyncStream
{
    private int _left = limit;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, Left())], cancellationToken);
        _left -= read;
        return read;
    }

    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ReadOnlyMemory<byte> part = buffer[..Math.Min(buffer.Length, Left())];
        _left -= part.Length;
        await inner.WriteAsync(part, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    private int Left() => _left > 0 ? _left : throw new IOException("The limit is reached");
}
