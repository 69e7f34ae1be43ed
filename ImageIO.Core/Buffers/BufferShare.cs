namespace ImageIO.Core.Buffers;

/// <summary>What one user has of the pool: an image, or the storage that it is on. Guarded by the pool's
/// lock.</summary>
/// <param name="parent">The share that this one counts to as well. Null: none.</param>
internal sealed class BufferShare(BufferShare? parent)
{
    /// <summary>Bytes that it has.</summary>
    public long Rented { get; private set; }

    /// <summary>Whether it may have so many more bytes, of those that are free.</summary>
    // It never has more than it leaves free. So one user gets at most half of the pool, n users get the n-th part of n
    // + 1 each, and whoever comes next still finds something.
    public bool HasRoom(long size, long free) =>
        Rented + size <= free - size && parent?.HasRoom(size, free) != false;

    /// <summary>Counts bytes that were taken, or with a minus given back.</summary>
    public void Add(long size)
    {
        Rented += size;
        parent?.Add(size);
    }
}
