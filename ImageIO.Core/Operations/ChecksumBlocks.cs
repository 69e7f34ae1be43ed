using ImageIO.Core.Ranges;

namespace ImageIO.Core.Operations;

/// <summary>The blocks of a checksum: which one is next, and their digests. Shared by the workers.</summary>
internal sealed class ChecksumBlocks : IDisposable
{
    private readonly long _size;
    private readonly int _blockSize;
    private readonly int _digestSize;
    private readonly byte[] _digests;
    private readonly Lazy<byte[]> _zeroDigest;
    private readonly SemaphoreSlim _dispatch = new(1);
    private long _next;
    private ZeroRanges? _zeroes;

    /// <summary>Prepares the blocks of an image.</summary>
    /// <param name="size">Bytes of the image.</param>
    /// <param name="blockSize">Bytes of a block.</param>
    /// <param name="digestSize">Bytes of a digest.</param>
    /// <param name="newHash">Makes the hash of a block of zeroes, if there is one.</param>
    public ChecksumBlocks(long size, int blockSize, int digestSize, Func<IBlockHash> newHash)
    {
        _size = size;
        _blockSize = blockSize;
        _digestSize = digestSize;
        _digests = new byte[Count * _digestSize];
        _zeroDigest = new Lazy<byte[]>(() =>
        {
            IBlockHash hash = newHash();
            byte[] digest = new byte[digestSize];
            hash.AppendZeroes(0, blockSize);
            hash.Finish(0, digest);
            return digest;
        });
    }

    /// <summary>How many there are.</summary>
    public long Count => (_size + _blockSize - 1) / _blockSize;

    /// <summary>The digests of all blocks, one after the other.</summary>
    public ReadOnlyMemory<byte> Digests => _digests;

    /// <summary>From now on, blocks that the extents of the image tell to be zero need no reading.</summary>
    public void Skip(ZeroRanges zeroes) => _zeroes = zeroes;

    /// <summary>The bytes of a block.</summary>
    public ByteRange RangeOf(long block) => new(block * _blockSize, Math.Min((block + 1) * _blockSize, _size));

    /// <summary>False for a last block that is shorter than the others.</summary>
    public bool IsWhole(long block) => RangeOf(block).Length == _blockSize;

    /// <summary>Where the digest of a block belongs.</summary>
    public Span<byte> DigestOf(long block) => _digests.AsSpan((int)(block * _digestSize), _digestSize);

    /// <summary>A whole block has only zeroes.</summary>
    public void SetZero(long block) => _zeroDigest.Value.CopyTo(DigestOf(block));

    /// <summary>
    /// The next block that must be read; null if there is none. Blocks in zero extents are finished on the way.
    /// </summary>
    /// <param name="cancel">Set when the operation was cancelled.</param>
    /// <param name="cancellationToken">Set when a worker failed or the client left.</param>
    public async ValueTask<long?> NextAsync(CancelFlag cancel, CancellationToken cancellationToken)
    {
        await _dispatch.WaitAsync(cancellationToken);
        try
        {
            for (; _next < Count; _next++)
            {
                cancel.ThrowIfSet();
                if (!IsWhole(_next) || _zeroes is null || !await _zeroes.ContainAsync(RangeOf(_next)))
                {
                    return _next++;
                }

                SetZero(_next);
            }

            return null;
        }
        finally
        {
            _dispatch.Release();
        }
    }

    /// <inheritdoc />
    public void Dispose() => _dispatch.Dispose();
}
