using ImageIO.Core.Buffers;

namespace ImageIO.Core.Backends;

/// <summary>What must hold for an image whichever ticket uses it, and however often it is open.</summary>
internal sealed class SharedImage
{
    private const int MostRanges = 4096;

    /// <param name="threads">Gives out the storage threads.</param>
    /// <param name="storage">What its storage has of the buffers. Null: nothing is known of its storage.</param>
    /// <param name="mostRanges">See <see cref="FlushMemory"/>. Null: a fixed number.</param>
    public SharedImage(StorageQueue threads, BufferShare? storage = null, Func<int>? mostRanges = null)
    {
        Buffers = new BufferShare(storage);
        Threads = new StorageShare(threads);
        Flushes = new FlushMemory(mostRanges ?? (static () => MostRanges));
    }

    /// <summary>The image's share of the buffers.</summary>
    public BufferShare Buffers { get; }

    /// <summary>The image's share of the storage threads.</summary>
    public StorageShare Threads { get; }

    /// <summary>Locks on blocks.</summary>
    public RangeLock Locks { get; } = new();

    /// <summary>What is not durable yet, and what a failed flush has lost.</summary>
    public FlushMemory Flushes { get; }
}
