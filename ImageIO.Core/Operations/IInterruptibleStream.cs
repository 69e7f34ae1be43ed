namespace ImageIO.Core.Operations;

/// <summary>A client's stream that can be made to stop using the memory of a write while the client does not take
/// it.</summary>
public interface IInterruptibleStream
{
    /// <summary>Sends bytes to the client.</summary>
    /// <param name="bytes">The bytes. None: waits until all that was sent before is on its way.</param>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>How many it has taken: all, or fewer after <see cref="Interrupt"/>. Their memory is not used any
    /// more.</returns>
    ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Ends the wait of a <see cref="SendAsync"/>, if one waits for the client. May be called on any
    /// thread.</summary>
    void Interrupt();
}
