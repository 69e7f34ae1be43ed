using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;

namespace ImageIO.Core.Operations;

/// <summary>
/// Reads and hashes blocks of an image, as many side by side as the hash has lanes and the pool has buffers.
/// </summary>
/// <param name="image">The image.</param>
/// <param name="hash">The worker's own.</param>
/// <param name="lanes">A buffer for each block at once; returned by the worker's owner.</param>
/// <param name="blocks">Where it gets blocks, and leaves their digests.</param>
internal sealed class ChecksumWorker(
    ImageHandle image, IBlockHash hash, IReadOnlyList<ChecksumLane> lanes, ChecksumBlocks blocks)
{
    private readonly ReadOnlyMemory<byte>[] _pieces = new ReadOnlyMemory<byte>[lanes.Count];
    private readonly Task[] _reads = new Task[lanes.Count];

    /// <summary>Works until there is no further block.</summary>
    /// <param name="cancel">Set when the operation was cancelled.</param>
    /// <param name="cancellationToken">Set when another worker failed or the client left.</param>
    public async Task RunAsync(CancelFlag cancel, CancellationToken cancellationToken)
    {
        while (await BeginBlocksAsync(cancel, cancellationToken))
        {
            cancel.ThrowIfSet();
            await ReadPiecesAsync(cancellationToken);
            await image.ToStorageThreadAsync(cancellationToken);
            HashPieces();
            EndBlocks(cancel, cancellationToken);
        }
    }

    // False: there are none any more, and none is begun.
    private async ValueTask<bool> BeginBlocksAsync(CancelFlag cancel, CancellationToken cancellationToken)
    {
        bool hasBlock = lanes.Any(lane => lane.Block is not null);
        foreach (ChecksumLane lane in lanes.Where(lane => lane.Block is null))
        {
            if (await blocks.NextAsync(mayWait: !hasBlock, cancel, cancellationToken) is not { } block)
            {
                break;
            }

            lane.Begin(block);
            hasBlock = true;
        }

        return hasBlock;
    }

    // A backend that blocks reads them one after the other on our thread, any other all at once.
    private async ValueTask ReadPiecesAsync(CancellationToken cancellationToken)
    {
        for (int index = 0; index < lanes.Count; index++)
        {
            ChecksumLane lane = lanes[index];
            if (lane.Block is null)
            {
                _reads[index] = Task.CompletedTask;
                continue;
            }

            Memory<byte> buffer = lane.Buffer(Alignment.Up(lane.Piece.Length, image.BlockSize));
            _reads[index] = image.ReadAsync(buffer, lane.Piece.Start, cancellationToken).AsTask();
        }

        // All of them, also after a failure: the storage writes into the buffers until then.
        await Task.WhenAll(_reads);
    }

    private void HashPieces()
    {
        for (int index = 0; index < lanes.Count; index++)
        {
            _pieces[index] = default;
            if (lanes[index] is not { Block: not null } lane)
            {
                continue;
            }

            ReadOnlyMemory<byte> piece = lane.Buffer(lane.Piece.Length);
            // Comparing is cheaper than hashing, and the digest of a whole zero block is known.
            bool isZero = lane.IsZero && piece.Span.IndexOfAnyExcept((byte)0) < 0;
            if (!isZero)
            {
                AppendSkippedZeroes(lane, index);
                _pieces[index] = piece;
            }

            lane.Advance(isZero);
        }

        hash.Append(_pieces);
    }

    private void EndBlocks(CancelFlag cancel, CancellationToken cancellationToken)
    {
        for (int index = 0; index < lanes.Count; index++)
        {
            ChecksumLane lane = lanes[index];
            if (!lane.IsAtEnd)
            {
                continue;
            }

            ChecksumBlock block = lane.Block.Value;
            if (lane.IsZero && block.IsWhole)
            {
                blocks.SetZero(block);
            }
            else
            {
                AppendSkippedZeroes(lane, index);
                hash.Finish(index, blocks.DigestOf(block));
            }

            lane.End();
            blocks.Complete(block, cancel, cancellationToken);
        }
    }

    private void AppendSkippedZeroes(ChecksumLane lane, int index)
    {
        if (lane.IsZero)
        {
            hash.AppendZeroes(index, lane.Read);
        }
    }
}
