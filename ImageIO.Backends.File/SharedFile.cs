namespace ImageIO.Backends.File;

/// <summary>What all handles on one file have in common. Thread-safe.</summary>
internal sealed class SharedFile : IDisposable
{
    // Held shared by changes with direct I/O, and exclusively by those through the page cache, until they are on the disk: a
    // cached page may hold several blocks, and writing it back would undo what direct I/O does to the others meanwhile. Held
    // within one call, on a thread that may block.
    private readonly ReaderWriterLockSlim _lock = new();
    private volatile bool _refusesSmallBlocks;

    /// <summary>
    /// Whether direct I/O in blocks of less than 4096 bytes was refused although the file seemed to take it. Never false again.
    /// </summary>
    public bool RefusesSmallBlocks
    {
        get => _refusesSmallBlocks;
        set => _refusesSmallBlocks |= value;
    }

    /// <summary>Begins a change with direct I/O, beside others of the kind. Dispose the result to end it.</summary>
    public Change BeginDirect()
    {
        _lock.EnterReadLock();
        return new Change(_lock, isCached: false);
    }

    /// <summary>Begins a change through the page cache, alone. Dispose the result to end it, on the same thread.</summary>
    public Change BeginCached()
    {
        _lock.EnterWriteLock();
        return new Change(_lock, isCached: true);
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>A change under way.</summary>
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
