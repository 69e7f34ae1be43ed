namespace ImageIO.Core.Buffers;

/// <summary>The part of the pool that an image or a storage has. Guarded by the pool's lock.</summary>
/// <param name="parent">The share that this one counts towards as well. Null: none.</param>
internal sealed class BufferShare(BufferShare? parent)
{
    /// <summary>Bytes that it has.</summary>
    public long Rented { get; private set; }

    /// <summary>Whether it may take so many of the free bytes.</summary>
    // It never has more than it leaves free. So one share gets at most half of the pool, n shares get 1/(n + 1) each,
    // and the next one still finds something.
    public bool HasRoom(long size, long free) =>
        Rented + size <= free - size && parent?.HasRoom(size, free) != false;

    /// <summary>Adds bytes that were taken; negative: returned.</summary>
    public void Add(long size)
    {
        Rented += size;
        parent?.Add(size);
    }
}
