using System.Runtime.CompilerServices;
using ImageIO.Backends.Nbd.Extents;
using ImageIO.Backends.Nbd.Transmission;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Nbd;

internal sealed partial class NbdBackend
{
    // Most bytes of one query, and a soft limit for the extents of its answer: 512 KiB.
    private const uint LargestQuery = 1024 * 1024 * 1024;
    private const int ManyExtents = 65536;

    /// <inheritdoc />
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (context == ExtentContext.Zero && !Capabilities.HasZeroExtents)
        {
            if (Size > 0)
            {
                yield return new Extent(new ByteRange(0, Size), ExtentFlags.None);
            }

            yield break;
        }

        // One reply is consumed while the next one arrives, so each has its own memory.
        var reply = new StatusReply();
        var next = new StatusReply();
        uint query = LargestQuery;
        Task<ByteRange>? asked = Size > 0 ? AskAsync(0, query, reply) : null;
        try
        {
            while (asked is not null)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ByteRange range = await asked;
                query = NextQuery(query, reply.Count);
                var steps = new ExtentSteps(reply, range, context);
                asked = steps.End < Size ? AskAsync(steps.End, query, next) : null;
                while (steps.TryNext(out Extent extent))
                {
                    yield return extent;
                }

                (reply, next) = (next, reply);
            }
        }
        finally
        {
            // If the reader stops early, no reply may arrive after the image is closed.
            await ((Task?)asked ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // An image in many small pieces is asked about in smaller steps: memory stays bounded, and the first extents come
    // soon.
    private uint NextQuery(uint query, int extents)
    {
        if (extents < ManyExtents)
        {
            return extents < ManyExtents / 4 ? Math.Min(LargestQuery, query * 2) : query;
        }

        return (uint)Math.Max(BlockSize, Alignment.Down((long)query * ManyExtents / extents, BlockSize));
    }

    private async Task<ByteRange> AskAsync(long offset, uint query, StatusReply reply)
    {
        reply.Clear();
        uint length = (uint)Math.Min(query, Size - offset);
        await _pool.RunAsync(new StatusRequest(offset, length, reply));
        return ByteRange.At(offset, length);
    }
}
