namespace ImageIO.Core.Backends;

/// <summary>What must hold for an image whichever ticket uses it, and however often it is open.</summary>
internal sealed class SharedImage
{
    private const int MostRanges = 4096;

    public SharedImage()
        : this(() => MostRanges)
    {
    }

    /// <param name="mostRanges">See <see cref="FlushMemory"/>.</param>
    public SharedImage(Func<int> mostRanges) => Flushes = new FlushMemory(mostRanges);

    /// <summary>Locks on blocks.</summary>
    public RangeLock Locks { get; } = new();

    /// <summary>What is not durable yet, and what a failed flush has lost.</summary>
    public FlushMemory Flushes { get; }
}
