using ImageIO.Core.Operations;
using ImageIO.Transport.Sockets;

namespace ImageIO.Http.Listeners;

/// <summary>
/// A body that notes on its connection when it waits for the client, to distinguish a stalled client from slow storage.
/// </summary>
/// <param name="body">The server's stream.</param>
/// <param name="connection">The client's connection.</param>
public sealed class ClientStream(Stream body, ClientConnection connection) : AsyncStream, IInterruptibleStream
{
    /// <inheritdoc />
    public override bool CanRead => body.CanRead;

    /// <inheritdoc />
    public override bool CanWrite => body.CanWrite;

    /// <inheritdoc />
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // Most reads find received bytes, so the clock is read only for a real wait.
        ValueTask<int> read = body.ReadAsync(buffer, cancellationToken);
        return read.IsCompleted ? read : WaitAsync(read);
    }

    /// <inheritdoc />
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ValueTask write = body.WriteAsync(buffer, cancellationToken);
        return write.IsCompleted ? write : WaitAsync(write);
    }

    /// <inheritdoc />
    public ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        ValueTask<int> sending = ((IInterruptibleStream)body).SendAsync(bytes, cancellationToken);
        return sending.IsCompleted ? sending : WaitAsync(sending);
    }

    /// <inheritdoc />
    public void Interrupt() => ((IInterruptibleStream)body).Interrupt();

    /// <inheritdoc />
    public override Task FlushAsync(CancellationToken cancellationToken) => body.FlushAsync(cancellationToken);

    private async ValueTask<int> WaitAsync(ValueTask<int> read)
    {
        connection.ClientWaitStarts();
        try
        {
            return await read;
        }
        finally
        {
            connection.ClientWaitEnds();
        }
    }

    private async ValueTask WaitAsync(ValueTask write)
    {
        connection.ClientWaitStarts();
        try
        {
            await write;
        }
        finally
        {
            connection.ClientWaitEnds();
        }
    }
}
