using System.IO.Pipelines;

namespace ImageIO.Transport.Sockets;

/// <summary>What a connection sends; it also sends from memory that its caller lends, without a copy.</summary>
public abstract class LendingWriter : PipeWriter
{
    private protected LendingWriter()
    {
    }

    /// <summary>Lends the bytes that come next, all of them; they are sent by the next flush.</summary>
    public abstract void Lend(ReadOnlyMemory<byte> bytes);

    /// <summary>Ends that. Bytes that count as written and were not flushed end the connection.</summary>
    public abstract void TakeBack();
}
