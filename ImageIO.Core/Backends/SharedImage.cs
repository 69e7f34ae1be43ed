using ImageIO.Core.Buffers;

namespace ImageIO.Core.Backends;

/// <summary>State of an image that all handles and tickets share.</summary>
internal sealed class SharedImage
{
    private const int MostRanges = 4096;

    /// <param name="threads">The queue for storage threads.</param>
    /// <param name="storage">The storage's share of the buffers. Null: the storage is unknown.</param>
    /// <param name="mostRanges">See <see cref="FlushMemory"/>. Null: a fixed number.</param>
    public SharedImage(StorageQueue threads, BufferShare? storage = null, Func<int>? mostRanges = null)
    {
        Buffers = new BufferShare(storage);
        Threads = new StorageShare(threads);
        Flushes = new FlushMemory(mostRanges ?? (static () => MostRanges));
    }

    public BufferShare Buffers { get; }

    public StorageShare Threads { get; }

    /// <summary>Locks on blocks.</summary>
    public RangeLock Locks { get; } = new();

    /// <summary>Bytes that are not durable yet, and those that a failed flush has lost.</summary>
    public FlushMemory Flushes { get; }
}
