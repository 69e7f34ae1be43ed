using System.IO.Pipelines;

namespace ImageIO.Transport.Sockets;

/// <summary>What a connection sends; it also sends from memory that its caller lends, without a copy.</summary>
public abstract class LendingWriter : PipeWriter
{
    private protected LendingWriter()
    {
    }

    /// <summary>Lends the bytes that come next, all of them. The next flush sends them.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="areSent">Whether <see cref="SendAsync"/> has sent them already.</param>
    public abstract void Lend(ReadOnlyMemory<byte> bytes, bool areSent = false);

    /// <summary>
    /// Sends bytes behind those that were flushed, as many as the client takes until <see cref="InterruptSend"/>. Must
    /// not
    /// be called while a flush is under way.
    /// </summary>
    /// <param name="bytes">The bytes. Their memory is not used any more afterwards.</param>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>
    /// How many bytes were taken. The last of them may not be in the socket yet; the next write sends them first.
    /// </returns>
    /// <exception cref="IOException">The client has left.</exception>
    public abstract ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Ends the wait of a <see cref="SendAsync"/>, or of the next one that has to wait. From any
    /// thread.</summary>
    public abstract void InterruptSend();

    /// <summary>Waits until everything that was sent is in the socket.</summary>
    public abstract ValueTask SendRestAsync(CancellationToken cancellationToken);

    /// <summary>Ends that. Bytes that count as written and were not flushed end the connection.</summary>
    public abstract void TakeBack();
}
