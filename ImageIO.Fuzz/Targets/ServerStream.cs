using ImageIO.Transport.Sockets;

namespace ImageIO.Fuzz.Targets;

/// <summary>A connection to a server that has sent all its bytes in advance, and ignores what it receives.</summary>
/// <param name="sent">The server's bytes.</param>
internal sealed class ServerStream(PiecewiseStream sent) : AsyncStream
{
    /// <summary>Bytes that were read so far.</summary>
    public int Received { get; private set; }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int received = await sent.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        Received += received;
        return received;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        ValueTask.CompletedTask;
}
