namespace ImageIO.Core.Operations;

/// <summary>
/// Hashes the digests of blocks in the order of the blocks, although the blocks are done in any order. Thread-safe.
/// </summary>
/// <remarks>
/// <code>
///   hashed | done  not  done  done  not | reserved, not taken yet
///   -------+----------------------------+------------------------
///          oldest place                 next place
/// </code>
/// A block that is read has a place from before the read until its digest is hashed. There is a fixed number of places,
/// however large the image is. Runs of zero blocks have none: the place behind a run counts them.
/// </remarks>
/// <param name="hash">Hashes the digests.</param>
/// <param name="places">How many there are.</param>
/// <param name="zeroDigest">The digest of a block of zeroes.</param>
internal sealed class DigestWindow(IBlockHash hash, int places, Lazy<byte[]> zeroDigest) : IDisposable
{
    // Digests of zero blocks that are hashed at once.
    private const int ZeroesAtOnce = 256;

    private readonly int _digestSize = hash.DigestSize;
    private readonly byte[] _digests = new byte[places * hash.DigestSize];
    private readonly long[] _zeroesBefore = new long[places];
    private readonly SemaphoreSlim _free = new(places);
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private readonly bool[] _done = new bool[places];
    private bool _isHashing;

    // The oldest place whose digest is not hashed. Only the thread that hashes changes it.
    private long _oldest;

    // The next one to take. Only one caller takes at a time.
    private long _next;
    private byte[]? _zeroes;

    /// <summary>Reserves a place for the next block.</summary>
    /// <param name="mayWait">
    /// Whether to wait for one. The caller must have no block then: the block at the oldest place gets done because its
    /// worker never waits here.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False: there is none now.</returns>
    public async ValueTask<bool> TryReserveAsync(bool mayWait, CancellationToken cancellationToken)
    {
        if (_free.Wait(0, CancellationToken.None))
        {
            return true;
        }

        if (mayWait)
        {
            await _free.WaitAsync(cancellationToken);
        }

        return mayWait;
    }

    /// <summary>Gives a reserved place back that was not taken.</summary>
    public void GiveBack() => _free.Release();

    /// <summary>Takes a reserved place, the next one in the order of the blocks. Not thread-safe.</summary>
    /// <param name="zeroes">How many blocks of zeroes are between the block at the place before and this one.</param>
    public long Take(long zeroes)
    {
        long place = _next++;
        _zeroesBefore[IndexOf(place)] = zeroes;
        return place;
    }

    /// <summary>Where the digest of a block belongs that has a place.</summary>
    public Span<byte> DigestAt(long place) => _digests.AsSpan(IndexOf(place) * _digestSize, _digestSize);

    /// <summary>The digest is there. Hashes it, and those behind it, if it is the oldest.</summary>
    /// <param name="place">The place.</param>
    /// <param name="cancel">Set when the operation was cancelled.</param>
    /// <param name="cancellationToken">Set when a worker failed or the client left.</param>
    public void Complete(long place, CancelFlag cancel, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _done[IndexOf(place)] = true;
            if (_isHashing)
            {
                // The thread that hashes takes this one too.
                return;
            }

            _isHashing = true;
        }

        int hashed = 0;
        while (MayHashOldest())
        {
            int index = IndexOf(_oldest);
            HashZeroes(_zeroesBefore[index], cancel, cancellationToken);
            hash.Append([_digests.AsMemory(index * _digestSize, _digestSize)]);
            _oldest++;
            hashed++;
        }

        if (hashed > 0)
        {
            // Together, so that a worker that waits gets places for all its lanes.
            _free.Release(hashed);
        }
    }

    /// <summary>Ends the checksum, when all blocks are done.</summary>
    /// <param name="zeroes">How many blocks of zeroes are behind the last block that was read.</param>
    /// <param name="cancel">Set when the operation was cancelled.</param>
    /// <param name="cancellationToken">Set when the client left.</param>
    /// <returns>The digest of all digests.</returns>
    public byte[] Finish(long zeroes, CancelFlag cancel, CancellationToken cancellationToken)
    {
        HashZeroes(zeroes, cancel, cancellationToken);
        byte[] digest = new byte[_digestSize];
        hash.Finish(0, digest);
        return digest;
    }

    /// <inheritdoc />
    public void Dispose() => _free.Dispose();

    // False: the oldest place is not done, so another thread will hash it.
    private bool MayHashOldest()
    {
        lock (_lock)
        {
            ref bool isDone = ref _done[IndexOf(_oldest)];
            _isHashing = isDone;
            isDone = false;
            return _isHashing;
        }
    }

    private int IndexOf(long place) => (int)(place % places);

    private void HashZeroes(long count, CancelFlag cancel, CancellationToken cancellationToken)
    {
        if (count > 0 && _zeroes is null)
        {
            _zeroes = new byte[ZeroesAtOnce * _digestSize];
            for (int i = 0; i < ZeroesAtOnce; i++)
            {
                zeroDigest.Value.CopyTo(_zeroes, i * _digestSize);
            }
        }

        while (count > 0)
        {
            cancel.ThrowIfSet();
            cancellationToken.ThrowIfCancellationRequested();
            int now = (int)Math.Min(count, ZeroesAtOnce);
            hash.Append([_zeroes.AsMemory(0, now * _digestSize)]);
            count -= now;
        }
    }
}
