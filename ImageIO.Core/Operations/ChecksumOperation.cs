using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;

namespace ImageIO.Core.Operations;

/// <summary>
/// Computes the checksum of an image: the hash of the concatenated hashes of its blocks. All cores hash, because blocks
/// are independent; blocks that are known to be zero are neither read nor hashed.
/// </summary>
public sealed class ChecksumOperation : IOperation
{
    /// <summary>Smallest block in bytes.</summary>
    public const int SmallestBlock = 1024 * 1024;

    /// <summary>Largest block in bytes.</summary>
    public const int LargestBlock = 16 * 1024 * 1024;

    /// <summary>Default block size in bytes.</summary>
    public const int DefaultBlock = 4 * 1024 * 1024;

    // Two per core: one waits for the storage while the other hashes.
    private static readonly int MostWorkers = 2 * Environment.ProcessorCount;

    private readonly ImageHandle _image;
    private readonly long _size;
    private readonly int _blockSize;
    private readonly Func<IBlockHash> _newHash;
    private readonly CancelFlag _cancel = new();
    private readonly SemaphoreSlim _dispatch = new(1);
    private readonly int _digestSize;
    private readonly byte[] _digests;
    private readonly byte[] _zeroDigest;
    private long _nextBlock;

    /// <summary>Prepares the checksum of the first bytes of an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="size">Bytes to hash, from the start; not beyond the image's size.</param>
    /// <param name="blockSize">Bytes of a block, <see cref="SmallestBlock"/> to <see cref="LargestBlock"/>, a multiple of 4096.</param>
    /// <param name="newHash">Makes a hash; called for each worker.</param>
    public ChecksumOperation(ImageHandle image, long size, int blockSize, Func<IBlockHash> newHash)
    {
        ArgumentNullException.ThrowIfNull(newHash);
        _image = image;
        _size = size;
        _blockSize = blockSize;
        _newHash = newHash;
        IBlockHash hash = newHash();
        _digestSize = hash.DigestSize;
        _digests = new byte[BlockCount * _digestSize];
        _zeroDigest = new byte[_digestSize];
        AppendZeroes(hash, blockSize);
        hash.Finish(_zeroDigest);
    }

    /// <inheritdoc />
    public long Offset => 0;

    /// <summary>Always 0, because a checksum transfers no image bytes.</summary>
    public long Done => 0;

    /// <summary>The checksum in lower-case hexadecimal, after the operation has ended.</summary>
    public string Checksum { get; private set; } = "";

    private long BlockCount => (_size + _blockSize - 1) / _blockSize;

    /// <inheritdoc />
    public void Cancel() => _cancel.Set();

    /// <summary>Runs it.</summary>
    /// <exception cref="Errors.TransferException">Why the storage failed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using ZeroRanges zeroes = new(_image, stop.Token);
        Task[] workers =
        [
            .. Enumerable.Range(0, (int)Math.Min(MostWorkers, BlockCount))
                // In parallel, because a worker that reads and hashes may never wait.
                .Select(index => _image.StartAsync(() => WorkAsync(zeroes, isFirst: index == 0, stop), stop.Token)),
        ];
        await Task.WhenAll(workers);

        IBlockHash hash = _newHash();
        hash.Append(_digests);
        byte[] digest = new byte[_digestSize];
        hash.Finish(digest);
        Checksum = Convert.ToHexStringLower(digest);
    }

    private async Task WorkAsync(ZeroRanges zeroes, bool isFirst, CancellationTokenSource stop)
    {
        try
        {
            int size = Math.Min(_image.Ring.BufferSize, _blockSize);
            AlignedBuffer? buffer;
            if (isFirst)
            {
                // One worker waits for a buffer. The others only help if buffers are free.
                buffer = await _image.Pool.RentAsync(size, stop.Token);
            }
            else if (!_image.Pool.TryRent(size, out buffer))
            {
                return;
            }

            using (buffer)
            {
                IBlockHash hash = _newHash();
                while (await NextBlockAsync(zeroes, stop.Token) is { } block)
                {
                    await HashBlockAsync(block, hash, buffer.Memory[..size], stop.Token);
                }
            }
        }
        catch
        {
            // The other workers stop too. Task.WhenAll reports the first failure.
            await stop.CancelAsync();
            throw;
        }
    }

    // The next block that must be read. Blocks in zero extents are finished on the way.
    private async ValueTask<long?> NextBlockAsync(ZeroRanges zeroes, CancellationToken cancellationToken)
    {
        await _dispatch.WaitAsync(cancellationToken);
        try
        {
            for (; _nextBlock < BlockCount; _nextBlock++)
            {
                _cancel.ThrowIfSet();
                ByteRange range = RangeOf(_nextBlock);
                if (range.Length < _blockSize || !await zeroes.ContainAsync(range))
                {
                    return _nextBlock++;
                }

                _zeroDigest.CopyTo(DigestOf(_nextBlock));
            }

            return null;
        }
        finally
        {
            _dispatch.Release();
        }
    }

    private async ValueTask HashBlockAsync(
        long block, IBlockHash hash, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        ByteRange range = RangeOf(block);
        long zeroesSoFar = 0;
        bool isZero = true;
        for (long position = range.Start; position < range.End; position += buffer.Length)
        {
            _cancel.ThrowIfSet();
            int length = (int)Math.Min(buffer.Length, range.End - position);
            await _image.ReadAsync(buffer[..(int)Alignment.Up(length, _image.BlockSize)], position, cancellationToken);
            await _image.ToStorageThreadAsync(cancellationToken);
            ReadOnlySpan<byte> bytes = buffer.Span[..length];
            if (isZero && bytes.IndexOfAnyExcept((byte)0) < 0)
            {
                // Comparing is ten times cheaper than hashing, and the hash of a whole zero block is known.
                zeroesSoFar += length;
                continue;
            }

            if (isZero)
            {
                AppendZeroes(hash, zeroesSoFar);
                isZero = false;
            }

            hash.Append(bytes);
        }

        if (isZero && range.Length == _blockSize)
        {
            _zeroDigest.CopyTo(DigestOf(block));
            return;
        }

        if (isZero)
        {
            AppendZeroes(hash, zeroesSoFar);
        }

        hash.Finish(DigestOf(block));
    }

    private static void AppendZeroes(IBlockHash hash, long count)
    {
        Span<byte> zeroes = stackalloc byte[4096];
        zeroes.Clear();
        for (; count > 0; count -= Math.Min(count, zeroes.Length))
        {
            hash.Append(zeroes[..(int)Math.Min(count, zeroes.Length)]);
        }
    }

    private ByteRange RangeOf(long block) =>
        new(block * _blockSize, Math.Min((block + 1) * _blockSize, _size));

    private Span<byte> DigestOf(long block) => _digests.AsSpan((int)(block * _digestSize), _digestSize);

    /// <summary>Advances through the image's zero extents as the positions asked for ascend.</summary>
    private sealed class ZeroRanges(ImageHandle image, CancellationToken cancellationToken) : IAsyncDisposable
    {
        private readonly IAsyncEnumerator<Extent>? _extents = image.Capabilities.HasZeroExtents
            ? image.GetExtentsAsync(ExtentContext.Zero, cancellationToken).GetAsyncEnumerator(cancellationToken)
            : null;

        // The run of adjacent zero extents at or before the last position asked for.
        private ByteRange _zero;
        private bool _ended;

        public async ValueTask<bool> ContainAsync(ByteRange range)
        {
            while (_extents is not null && !_ended && _zero.End < range.End)
            {
                if (!await _extents.MoveNextAsync())
                {
                    _ended = true;
                }
                else if (_extents.Current.Flags.HasFlag(ExtentFlags.Zero))
                {
                    ByteRange found = _extents.Current.Range;
                    _zero = found.Start == _zero.End ? new ByteRange(_zero.Start, found.End) : found;
                }
                else if (_extents.Current.Range.End >= range.End)
                {
                    // Data up to the end of the range or beyond: the next extents are not needed.
                    _zero = new ByteRange(_extents.Current.Range.End, _extents.Current.Range.End);
                }
            }

            return _zero.Start <= range.Start && range.End <= _zero.End;
        }

        public ValueTask DisposeAsync() => _extents?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
