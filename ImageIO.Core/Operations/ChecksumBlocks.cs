using ImageIO.Core.Ranges;

namespace ImageIO.Core.Operations;

/// <summary>
/// The blocks of a checksum: which one is next, and the hash of their digests. Shared by the workers.
/// </summary>
internal sealed class ChecksumBlocks : IDisposable
{
    private readonly long _size;
    private readonly int _blockSize;
    private readonly Lazy<byte[]> _zeroDigest;
    private readonly DigestWindow _window;
    private readonly SemaphoreSlim _dispatch = new(1);

    // Guarded by the semaphore.
    private long _next;

    // Blocks of zeroes since the last one that was given out.
    private long _skipped;
    private ZeroRanges? _zeroes;

    /// <summary>Prepares the blocks of an image.</summary>
    /// <param name="size">Bytes of the image.</param>
    /// <param name="blockSize">Bytes of a block.</param>
    /// <param name="newHash">Makes the hash of the digests, and that of a block of zeroes if there is one.</param>
    /// <param name="window">How many blocks may be given out of which the oldest is not done.</param>
    public ChecksumBlocks(long size, int blockSize, Func<IBlockHash> newHash, int window)
    {
        _size = size;
        _blockSize = blockSize;
        Count = (size / blockSize) + (size % blockSize == 0 ? 0 : 1);
        _zeroDigest = new Lazy<byte[]>(() =>
        {
            IBlockHash hash = newHash();
            byte[] digest = new byte[hash.DigestSize];
            hash.AppendZeroes(0, blockSize);
            hash.Finish(0, digest);
            return digest;
        });
        _window = new DigestWindow(newHash(), (int)Math.Clamp(Count, 1, window), _zeroDigest);
    }

    /// <summary>How many there are.</summary>
    public long Count { get; }

    /// <summary>From now on, blocks that the extents of the image tell to be zero need no reading.</summary>
    public void Skip(ZeroRanges zeroes) => _zeroes = zeroes;

    /// <summary>Where the digest of a block belongs.</summary>
    public Span<byte> DigestOf(ChecksumBlock block) => _window.DigestAt(block.Place);

    /// <summary>A whole block has only zeroes.</summary>
    public void SetZero(ChecksumBlock block) => _zeroDigest.Value.CopyTo(DigestOf(block));

    /// <summary>
    /// The next block that must be read; null if there is none. Blocks in zero extents are finished on the way.
    /// </summary>
    /// <param name="mayWait">
    /// False for a worker that has a block already: null then also means that the window has no place now.
    /// </param>
    /// <param name="cancel">Set when the operation was cancelled.</param>
    /// <param name="cancellationToken">Set when a worker failed or the client left.</param>
    public async ValueTask<ChecksumBlock?> NextAsync(
        bool mayWait, CancelFlag cancel, CancellationToken cancellationToken)
    {
        // Before the semaphore: a worker that waits for a place holds up nobody.
        if (!await _window.TryReserveAsync(mayWait, cancellationToken))
        {
            return null;
        }

        await _dispatch.WaitAsync(cancellationToken);
        try
        {
            while (_next < Count)
            {
                cancel.ThrowIfSet();
                long start = _next * _blockSize;
                var range = ByteRange.At(start, Math.Min(_blockSize, _size - start));
                long zeroes = _zeroes is null
                    ? 0
                    : (Math.Min(await _zeroes.EndOfZeroesAsync(range), _size) - start) / _blockSize;
                if (zeroes == 0)
                {
                    _next++;
                    long place = _window.Take(_skipped);
                    _skipped = 0;
                    return new ChecksumBlock(place, range, range.Length == _blockSize);
                }

                _next += zeroes;
                _skipped += zeroes;
            }

            _window.GiveBack();
            return null;
        }
        finally
        {
            _dispatch.Release();
        }
    }

    /// <summary>The digest of a block is there.</summary>
    /// <inheritdoc cref="DigestWindow.Complete" path="/param" />
    public void Complete(ChecksumBlock block, CancelFlag cancel, CancellationToken cancellationToken) =>
        _window.Complete(block.Place, cancel, cancellationToken);

    /// <summary>The digest of all digests, when all blocks are done.</summary>
    /// <inheritdoc cref="DigestWindow.Finish" path="/param" />
    public byte[] Finish(CancelFlag cancel, CancellationToken cancellationToken) =>
        _window.Finish(_skipped, cancel, cancellationToken);

    /// <inheritdoc />
    public void Dispose()
    {
        _dispatch.Dispose();
        _window.Dispose();
    }
}
