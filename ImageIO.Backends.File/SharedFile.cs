namespace ImageIO.Backends.File;

/// <summary>State that all handles on a file share. Thread-safe.</summary>
internal sealed class SharedFile : IDisposable
{
    // Held shared by changes with direct I/O, and exclusively by changes through the page cache until they are on the
    // disk: a cached page may contain several blocks, and writing it back would undo direct I/O to the others. Held
    // within one call, on a storage thread.
    private readonly ReaderWriterLockSlim _lock = new();
    private volatile bool _refusesSmallBlocks;

    /// <summary>
    /// Whether direct I/O in blocks below 4096 bytes was refused although the file seemed to support it. Stays true.
    /// </summary>
    public bool RefusesSmallBlocks
    {
        get => _refusesSmallBlocks;
        set => _refusesSmallBlocks |= value;
    }

    /// <summary>Starts a change with direct I/O, in parallel with others. Dispose the result to end it.</summary>
    public Change BeginDirect()
    {
        _lock.EnterReadLock();
        return new Change(_lock, isCached: false);
    }

    /// <summary>Starts a change through the page cache, exclusively. Dispose the result to end it, on the same
    /// thread.</summary>
    public Change BeginCached()
    {
        _lock.EnterWriteLock();
        return new Change(_lock, isCached: true);
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>A running change.</summary>
    internal readonly ref struct Change(ReaderWriterLockSlim heldLock, bool isCached)
    {
        public void Dispose()
        {
            if (isCached)
            {
                heldLock.ExitWriteLock();
            }
            else
            {
                heldLock.ExitReadLock();
            }
        }
    }
}
