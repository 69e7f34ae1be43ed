using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
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

    // Bytes read at once for each of several lanes: large enough for a disk that seeks between the blocks, and small
    // enough that 2 cores with 8 lanes take no more than 16 MiB of the pool.
    private const int PieceOfLane = 512 * 1024;

    // A checksum never holds more than this part of the pool, however many cores and lanes there are.
    private const int ShareOfPool = 4;

    // Digests that wait for that of an older block: 64 KiB of the largest ones. With blocks of 1 MiB, workers read 1
    // GiB while the storage takes long over one block.
    private const int Window = 1024;

    private readonly ImageHandle _image;
    private readonly Func<IBlockHash> _newHash;
    private readonly CancelFlag _cancel = new();
    private readonly ChecksumBlocks _blocks;
    private readonly int _lanes;
    private readonly int _pieceSize;
    private long _buffersLeft;

    /// <summary>Prepares the checksum of the first bytes of an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="size">Bytes to hash, from the start; not beyond the image's size.</param>
    /// <param name="blockSize">Bytes of a block, <see cref="SmallestBlock"/> to <see cref="LargestBlock"/>, a multiple
    /// of 4096.</param>
    /// <param name="newHash">Makes a hash; called for each worker, and for the digests.</param>
    public ChecksumOperation(ImageHandle image, long size, int blockSize, Func<IBlockHash> newHash)
        : this(image, size, blockSize, newHash, Window)
    {
    }

    internal ChecksumOperation(ImageHandle image, long size, int blockSize, Func<IBlockHash> newHash, int window)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(newHash);
        _image = image;
        _newHash = newHash;
        _blocks = new ChecksumBlocks(size, blockSize, newHash, window);
        // Few blocks are shared among the cores: eight lanes of one core are slower than four of each of two.
        _lanes = (int)Math.Clamp(
            (_blocks.Count + Environment.ProcessorCount - 1) / Environment.ProcessorCount, 1, newHash().Lanes);
        int buffer = Math.Min(image.Ring.BufferSize, blockSize);
        _pieceSize = _lanes == 1 ? buffer : (int)Alignment.Up(Math.Min(buffer, PieceOfLane), image.BlockSize);
        // Without the first worker's, which takes one in any case.
        _buffersLeft = Math.Max(1, image.Pool.Ceiling / ShareOfPool / _pieceSize) - 1;
    }

    /// <inheritdoc />
    public long Offset => 0;

    /// <summary>Always 0, because a checksum transfers no image bytes.</summary>
    public long Done => 0;

    /// <summary>The checksum in lower-case hexadecimal, after the operation has ended.</summary>
    public string Checksum { get; private set; } = "";

    /// <inheritdoc />
    public void Cancel() => _cancel.Set();

    /// <summary>Runs it.</summary>
    /// <exception cref="Errors.TransferException">Why the storage failed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using ChecksumBlocks blocks = _blocks;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using ZeroRanges zeroes = new(_image, stop.Token);
        blocks.Skip(zeroes);
        Task[] workers =
        [
            .. Enumerable.Range(0, (int)Math.Min(MostWorkers, (blocks.Count + _lanes - 1) / _lanes))
                // In parallel, because a worker that reads and hashes may never wait.
                .Select(index => _image.StartAsync(() => WorkAsync(isFirst: index == 0, stop), stop.Token)),
        ];
        await Task.WhenAll(workers);

        // The digests of many blocks of zeroes take long.
        await _image.ToStorageThreadAsync(stop.Token);
        Checksum = Convert.ToHexStringLower(blocks.Finish(_cancel, stop.Token));
    }

    private async Task WorkAsync(bool isFirst, CancellationTokenSource stop)
    {
        var lanes = new List<ChecksumLane>();
        try
        {
            if (isFirst)
            {
                // One lane always has a buffer, a small one if the pool refuses. The others only help if buffers are
                // free.
                AddLane(lanes, _image.Pool.Rent(_image.Shared.Buffers, _pieceSize));
            }

            while (lanes.Count < _lanes
                && Interlocked.Decrement(ref _buffersLeft) >= 0
                && _image.Pool.TryRent(_image.Shared.Buffers, _pieceSize, out AlignedBuffer? buffer))
            {
                AddLane(lanes, buffer);
            }

            if (lanes.Count > 0)
            {
                await new ChecksumWorker(_image, _newHash(), lanes, _blocks).RunAsync(_cancel, stop.Token);
            }
        }
        catch
        {
            // The other workers stop too. Task.WhenAll reports the first failure.
            await stop.CancelAsync();
            throw;
        }
        finally
        {
            lanes.ForEach(lane => lane.Dispose());
        }
    }

    private void AddLane(List<ChecksumLane> lanes, AlignedBuffer buffer) =>
        lanes.Add(new ChecksumLane(buffer, Math.Min(_pieceSize, buffer.Length)));
}
