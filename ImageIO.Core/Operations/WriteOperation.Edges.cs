using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Operations;

// An image takes only whole blocks, so the blocks at the edges of a write are read, patched and written.
public sealed partial class WriteOperation
{
    /// <summary>Writes a buffer at any offset, safe against other writers of the same blocks.</summary>
    /// <param name="image">The image.</param>
    /// <param name="buffer">
    /// The payload behind a gap that aligns the buffer's start to a block of the image. It has room for whole blocks at
    /// both ends.
    /// </param>
    /// <param name="gap">Bytes before the payload, less than a block.</param>
    /// <param name="length">Bytes of payload, more than 0.</param>
    /// <param name="offset">Where the payload belongs in the image.</param>
    /// <param name="cancellationToken">Ends the waits for locks and storage threads, but no call that runs.</param>
    /// <remarks>
    /// Not cancelled when the client disconnects, because received bytes are written. The locks cover, with B the block
    /// size and S the image's size:
    /// <code>
    ///   gap | payload                         | rest
    ///   ----+---------------------------------+-----
    ///   [ head: B ][ whole blocks ][ tail: B  ]          tail block ends at or before S: patched like the head
    ///   [ head: B ][ whole blocks ][ tail ... infinity)  tail reaches S: the write may change the size, so
    ///                                                    no other writer may write or grow behind it meanwhile
    /// </code>
    /// </remarks>
    internal static async Task WriteBlocksAsync(
        ImageHandle image, AlignedBuffer buffer, int gap, int length, long offset, CancellationToken cancellationToken)
    {
        int block = image.BlockSize;
        long start = offset - gap;
        long end = offset + length;
        ByteRange own = ByteRange.At(offset, length);
        long alignedEnd = Alignment.Up(end, block);
        bool patchHead = gap > 0;
        bool patchTail = end != alignedEnd;

        if (!patchHead && !patchTail)
        {
            using (await image.Locks.AcquireAsync(new ByteRange(start, end), cancellationToken: cancellationToken))
            {
                await image.WriteAsync(buffer.Memory[..length], start, own, cancellationToken);
            }

            return;
        }

        long headEnd = patchHead ? start + block : start;
        long tailStart = patchTail ? alignedEnd - block : alignedEnd;
        using RangeLock.Holder held = await LockAsync(
            image,
            shared: headEnd < tailStart ? new ByteRange(headEnd, tailStart) : default,
            head: patchHead ? new ByteRange(start, headEnd) : default,
            tail: patchTail ? new ByteRange(tailStart, alignedEnd) : default,
            cancellationToken);

        using AlignedBuffer scratch = RentScratch(image);
        if (patchHead)
        {
            Memory<byte> old = scratch.Memory[..block];
            await image.ReadAsync(old, start, cancellationToken);
            old[..gap].CopyTo(buffer.Memory);
        }

        if (patchTail)
        {
            // Read the size under the lock: it decides whether bytes behind the payload must be kept, and whether the
            // last block is a whole one.
            long size = await image.GetSizeAsync(cancellationToken);
            if (size > end)
            {
                Memory<byte> old = scratch.Memory[..block];
                await image.ReadAsync(old, tailStart, cancellationToken);
                old[(int)(end - tailStart)..].CopyTo(buffer.Memory[(int)(end - start)..]);
                end = Math.Min(size, alignedEnd);
            }
        }

        await image.WriteAsync(buffer.Memory[..(int)(end - start)], start, own, cancellationToken);
    }

    private static async ValueTask<RangeLock.Holder> LockAsync(
        ImageHandle image, ByteRange shared, ByteRange head, ByteRange tail, CancellationToken cancellationToken)
    {
        // An image does not shrink, so a block inside it is still inside it under the lock.
        bool mayGrow = !tail.IsEmpty && tail.End > await image.GetSizeAsync(cancellationToken);
        return await image.Locks.AcquireAsync(
            shared, head, mayGrow ? new ByteRange(tail.Start, long.MaxValue) : tail, cancellationToken);
    }

    // Not from the shared pool, which may refuse. Only the two edges of a request need a scratch block.
    private static AlignedBuffer RentScratch(ImageHandle image) => AlignedBuffer.Allocate(image.BlockSize);
}
