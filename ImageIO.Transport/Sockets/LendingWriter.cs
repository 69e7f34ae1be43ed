using System.IO.Pipelines;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// The sending side of a connection, which can also send from memory that its caller lends, without a copy.
/// </summary>
public abstract class LendingWriter : PipeWriter
{
    private protected LendingWriter()
    {
    }

    /// <summary>Lends exactly the bytes that are written next. The next flush sends them.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="areSent">Whether <see cref="SendAsync"/> has sent them already.</param>
    public abstract void Lend(ReadOnlyMemory<byte> bytes, bool areSent = false);

    /// <summary>
    /// Sends bytes after those that were flushed, as many as the client takes until <see cref="InterruptSend"/>. Must
    /// not be called during a flush.
    /// </summary>
    /// <param name="bytes">The bytes. Their memory is free afterwards.</param>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>
    /// How many bytes were taken. The last of them may not be in the socket yet; the next write sends them first.
    /// </returns>
    /// <exception cref="IOException">The client has left.</exception>
    public abstract ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Ends the wait of the running or next <see cref="SendAsync"/>. May be called on any thread.</summary>
    public abstract void InterruptSend();

    /// <summary>Waits until everything that was sent is in the socket.</summary>
    public abstract ValueTask SendRestAsync(CancellationToken cancellationToken);

    /// <summary>Takes the lent memory back. If bytes of it were written but not flushed, the connection ends.</summary>
    public abstract void TakeBack();
}
