using ImageIO.Transport.Sockets;

namespace ImageIO.Http.Messages;

/// <summary>Passes every byte that is read to a callback.</summary>
internal sealed class HashingStream(Stream body, Action<ReadOnlyMemory<byte>> see) : AsyncStream
{
    public override bool CanRead => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await body.ReadAsync(buffer, cancellationToken);
        see(buffer[..read]);
        return read;
    }
}
