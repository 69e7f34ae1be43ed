using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Hashing;
using ImageIO.Tests.Support;
using ImageIO.Web.Checksums;

namespace ImageIO.Tests.Operations;

/// <summary>
/// A checksum hashes the digests of blocks in order, and keeps few of them (issue 15, B13).
/// </summary>
public sealed class ChecksumWindowTests
{
    private const int MiB = ChecksumOperation.SmallestBlock;
    private const int Window = 4;

    private readonly CancelFlag _cancel = new();

    [Fact(Timeout = 30_000)]
    public async Task Blocks_beyond_the_window_wait_until_the_oldest_one_is_done()
    {
        using ChecksumBlocks blocks = NewBlocks(10);
        ChecksumBlock[] taken = [.. await TakeAsync(blocks, Window)];

        // A worker that has a block goes on with those that it has; one that has none waits.
        Assert.Null(await NextAsync(blocks, mayWait: false));
        Task<ChecksumBlock?> waiting = NextAsync(blocks, mayWait: true);
        Array.ForEach(taken[1..], block => Complete(blocks, block));
        Assert.Null(await NextAsync(blocks, mayWait: false));
        Assert.False(waiting.IsCompleted);

        Complete(blocks, taken[0]);

        Assert.Equal(Window * (long)MiB, (await waiting)!.Value.Range.Start);
        Assert.Equal(Window - 1, (await TakeAsync(blocks, Window - 1)).Count);
        Assert.Null(await NextAsync(blocks, mayWait: false));
    }

    [Theory(Timeout = 30_000)]
    [InlineData("in order")]
    [InlineData("backwards")]
    [InlineData("the first one last")]
    public async Task Digests_are_hashed_in_the_order_of_the_blocks(string order)
    {
        const int Count = 11;
        using ChecksumBlocks blocks = NewBlocks(Count);
        var all = new List<ChecksumBlock>();
        while (all.Count < Count)
        {
            List<ChecksumBlock> taken = await TakeAsync(blocks, Math.Min(Window, Count - all.Count));
            all.AddRange(taken);
            if (order is "backwards")
            {
                taken.Reverse();
            }
            else if (order is not "in order")
            {
                taken = [.. taken[1..], taken[0]];
            }

            taken.ForEach(block => Complete(blocks, block));
        }

        Assert.Null(await NextAsync(blocks, mayWait: true));
        Assert.Equal(Enumerable.Range(0, Count).Select(i => i * (long)MiB), all.Select(block => block.Range.Start));
        Assert.Equal(
            HashOf(all.Select(block => (ReadOnlyMemory<byte>)DigestFor(block))),
            blocks.Finish(_cancel, CancellationToken.None));
    }

    // The first block's read hangs: the others go on as far as the window, and the result is the same.
    [Theory(Timeout = 60_000)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(1000)]
    public async Task A_slow_first_block_holds_up_no_more_than_the_window_and_changes_no_result(int window)
    {
        const int Count = 20;
        const int Size = (Count * MiB) - 8;
        var first = new Held();
        var backend = new SparseBackend(Size, new ByteRange(0, Size))
        {
            BeforeRead = offset => offset == 0 ? first.StandAsync() : Task.CompletedTask,
        };
        await using StorageImage storage = StorageImage.On(backend, () => []);
        var operation = new ChecksumOperation(storage.Image, Size, MiB, () => new Blake2bHash(32), window);

        Task running = operation.RunAsync(CancellationToken.None);
        await first.Arrived;
        int expected = Math.Min(window, Count);
        await Eventually.HoldsAsync(() => BlocksRead(backend) >= expected, "the blocks of the window are being read");
        Assert.Equal(expected, BlocksRead(backend));
        first.Release();
        await running;

        byte[] block = new byte[MiB];
        byte[] digest = HashOf(Enumerable.Range(0, Count).Select(i =>
        {
            Memory<byte> bytes = block.AsMemory(0, Math.Min(MiB, Size - (i * MiB)));
            SparseBackend.Fill(bytes.Span, i * (long)MiB);
            return (ReadOnlyMemory<byte>)HashOf([bytes]);
        }));
        Assert.Equal(Convert.ToHexStringLower(digest), operation.Checksum);
    }

    // Hashing the digests of so many blocks of zeroes takes a minute. It was 500 before, for want of memory.
    [Theory(Timeout = 30_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_checksum_of_a_pebibyte_of_zeroes_can_be_cancelled(bool byTicket)
    {
        await using StorageImage storage = StorageImage.On(new SparseBackend(1L << 50), () => []);
        using var client = new CancellationTokenSource();
        ChecksumOperation? operation = null;
        operation = new ChecksumOperation(storage.Image, 1L << 50, MiB, () => new WatchedHash(Cancel));

        void Cancel()
        {
            if (byTicket)
            {
                operation!.Cancel();
            }
            else
            {
                client.Cancel();
            }
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => operation.RunAsync(client.Token));
    }

    private static ChecksumBlocks NewBlocks(int count) =>
        new((long)count * MiB, MiB, () => new Blake2bHash(32), Window);

    private static int BlocksRead(SparseBackend backend) =>
        backend.Reads.Select(offset => offset / MiB).Distinct().Count();

    private static byte[] DigestFor(ChecksumBlock block) => [.. Enumerable.Repeat((byte)block.Place, 32)];

    private static byte[] HashOf(IEnumerable<ReadOnlyMemory<byte>> pieces)
    {
        var hash = new Blake2b(32);
        byte[] digest = new byte[32];
        foreach (ReadOnlyMemory<byte> piece in pieces)
        {
            hash.Append(piece.Span);
        }

        hash.Finish(digest);
        return digest;
    }

    private Task<ChecksumBlock?> NextAsync(ChecksumBlocks blocks, bool mayWait) =>
        blocks.NextAsync(mayWait, _cancel, CancellationToken.None).AsTask();

    private async Task<List<ChecksumBlock>> TakeAsync(ChecksumBlocks blocks, int count)
    {
        var taken = new List<ChecksumBlock>();
        for (int i = 0; i < count; i++)
        {
            ChecksumBlock? block = await NextAsync(blocks, mayWait: false);
            Assert.NotNull(block);
            taken.Add(block.Value);
        }

        return taken;
    }

    private void Complete(ChecksumBlocks blocks, ChecksumBlock block)
    {
        DigestFor(block).CopyTo(blocks.DigestOf(block));
        blocks.Complete(block, _cancel, CancellationToken.None);
    }

    private sealed class WatchedHash(Action appended) : IBlockHash
    {
        private readonly Blake2bHash _hash = new(32);

        public int DigestSize => _hash.DigestSize;

        public int Lanes => _hash.Lanes;

        public void Append(ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
        {
            _hash.Append(pieces);
            appended();
        }

        public void AppendZeroes(int lane, long count) => _hash.AppendZeroes(lane, count);

        public void Finish(int lane, Span<byte> digest) => _hash.Finish(lane, digest);
    }
}
