namespace ImageIO.Core.Buffers;

/// <summary>The buffers of an operation that waits for its client. The pool may recall them.</summary>
/// <param name="recall">Asks the operation to return its buffers. Called on the thread of an operation that needs them,
/// so it must be quick.</param>
internal sealed class Loan(Action recall)
{
    /// <summary>Timestamp since when the client has had the buffers.</summary>
    public long Since { get; set; }

    /// <summary>Bytes that a recall would return.</summary>
    public long Bytes { get; set; }

    /// <summary>Its place among the loans; null: it cannot be recalled. Guarded by the pool's lock.</summary>
    public LinkedListNode<Loan>? Node { get; set; }

    public void Recall() => recall();
}
