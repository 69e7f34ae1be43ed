namespace ImageIO.Core.Buffers;

/// <summary>The buffers of one operation while it waits for its client: the pool may ask for them.</summary>
/// <param name="recall">
/// Asks the operation to give its buffers back. Called on the thread of an operation that needs them, so it must be
/// quick.
/// </param>
internal sealed class Loan(Action recall)
{
    /// <summary>Timestamp since when the client has had the buffer at hand.</summary>
    public long Since { get; set; }

    /// <summary>Bytes that it would give back.</summary>
    public long Bytes { get; set; }

    /// <summary>Whether the pool may ask. Guarded by the pool's lock.</summary>
    public LinkedListNode<Loan>? Node { get; set; }

    /// <summary>Asks for the buffers.</summary>
    public void Recall() => recall();
}
