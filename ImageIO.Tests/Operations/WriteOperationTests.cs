using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Operations;

public sealed class WriteOperationTests
{
    public static TheoryData<StorageKind, int, int> Images => BlockEdges.Images();

    [SkippableTheory(Timeout = 60_000)]
    [MemberData(nameof(Images))]
    public async Task Any_offset_and_length_changes_those_bytes_and_no_others(StorageKind kind, int block, int size)
    {
        byte[] expected = Bytes.Random(size);
        await using StorageImage storage = await StorageImage.CreateAsync(kind, block, expected);
        int seed = 2;
        foreach ((int offset, int length) in BlockEdges.Requests(block))
        {
            byte[] data = Bytes.Random(length, seed++);
            expected = Bytes.Written(expected, offset, data);

            await storage.WriteAsync(offset, data);

            Bytes.AssertEqual(expected, storage.Content, $"after writing {length} bytes at {offset}");
        }
    }

    [SkippableTheory(Timeout = 60_000)]
    [MemberData(nameof(Images))]
    public async Task The_image_grows_by_exactly_what_was_written_and_a_gap_reads_as_zeroes(
        StorageKind kind, int block, int size)
    {
        foreach (int gap in new[] { 0, 1, block - 1, block, block + 1, 3 * block })
        {
            foreach (int length in new[] { 1, block - 1, block, block + 1 })
            {
                byte[] before = Bytes.Random(size);
                byte[] data = Bytes.Random(length, seed: 2);
                await using StorageImage storage = await StorageImage.CreateAsync(kind, block, before);

                await storage.WriteAsync(size + gap, data);

                Bytes.AssertEqual(
                    Bytes.Written(before, size + gap, data), storage.Content, $"{length} bytes {gap} past the end");
                Assert.Equal(size + gap + length, await storage.Image.GetSizeAsync());
            }
        }
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(StorageKind.Memory, 512, 1)]
    [InlineData(StorageKind.Memory, 4096, 1000)]
    [InlineData(StorageKind.File, 512, 700)]
    [InlineData(StorageKind.File, 4096, 100_000)]
    public async Task The_pieces_in_which_a_client_sends_do_not_matter(StorageKind kind, int block, int piece)
    {
        byte[] data = Bytes.Random(60_001);
        await using StorageImage storage = await StorageImage.CreateAsync(kind, block, []);
        var operation = new WriteOperation(
            storage.Image, 777, data.Length, long.MaxValue, new ScriptedSource(data, piece), flush: true);

        await operation.RunAsync(CancellationToken.None);

        Bytes.AssertEqual(Bytes.Written([], 777, data), storage.Content, "content");
        Assert.Equal(777, operation.Offset);
        Assert.Equal(data.Length, operation.Done);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_source_without_a_length_is_taken_to_its_end()
    {
        byte[] data = Bytes.Random(30_000);
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.Memory, 512, []);

        await new WriteOperation(storage.Image, 5, null, 30_005, new ScriptedSource(data), flush: false)
            .RunAsync(CancellationToken.None);

        Bytes.AssertEqual(Bytes.Written([], 5, data), storage.Content, "content");
    }

    [Fact(Timeout = 30_000)]
    public async Task A_source_without_a_length_that_passes_the_ticket_writes_nothing_past_it()
    {
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.Memory, 512, []);
        var operation = new WriteOperation(
            storage.Image, 0, null, 20_000, new ScriptedSource(Bytes.Random(20_001)), flush: true);

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => operation.RunAsync(CancellationToken.None));

        Assert.Equal(TransferError.RangeNotSatisfiable, e.Error);
        Assert.InRange(await storage.Image.GetSizeAsync(), 0, 20_000);
    }

    [Theory]
    [InlineData(0, 1001)]
    [InlineData(1000, 1)]
    [InlineData(1001, 0)]
    [InlineData(1, long.MaxValue)]
    [InlineData(long.MaxValue, 1)]
    public async Task A_range_past_the_ticket_is_refused_before_anything_happens(long offset, long length)
    {
        var source = new ScriptedSource(Bytes.Random(10));
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.Memory, 512, []);

        TransferException e = Assert.Throws<TransferException>(
            () => new WriteOperation(storage.Image, offset, length, 1000, source, flush: true));

        Assert.Equal(TransferError.RangeNotSatisfiable, e.Error);
        Assert.Equal(1000, e.Limit);
        Assert.Equal(0, source.Taken);
    }

    [Fact(Timeout = 30_000)]
    public async Task An_image_of_fixed_size_is_written_up_to_its_last_byte_and_not_beyond()
    {
        byte[] before = Bytes.Random(1000);
        var memory = new MemoryBackend(512, before) { Capabilities = new() { CanWrite = true } };
        await using StorageImage storage = StorageImage.On(memory);

        await storage.WriteAsync(999, [7]);
        TransferException e = await Assert.ThrowsAsync<TransferException>(() => storage.WriteAsync(999, [7, 7]));

        Assert.Equal(TransferError.RangeNotSatisfiable, e.Error);
        Assert.Equal(1000, e.Limit);
        Bytes.AssertEqual(Bytes.Written(before, 999, [7]), storage.Content, "content");
    }

    [Fact]
    public async Task An_image_that_cannot_be_written_refuses_before_anything_happens()
    {
        var memory = new MemoryBackend(512, new byte[1000]) { Capabilities = new() };
        await using StorageImage storage = StorageImage.On(memory);

        TransferException e = Assert.Throws<TransferException>(
            () => new WriteOperation(storage.Image, 0, 1, 1000, new ScriptedSource([1]), flush: true));

        Assert.Equal(TransferError.NotSupported, e.Error);
    }

    [Fact(Timeout = 30_000)]
    public async Task Writing_nothing_changes_nothing()
    {
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.Memory, 512, []);

        await storage.WriteAsync(100, []);

        Assert.Equal(0, await storage.Image.GetSizeAsync());
    }

    [Theory(Timeout = 30_000)]
    [InlineData(512, 8192)]
    [InlineData(4096, 4096)]
    [InlineData(65536, 4096)]
    [InlineData(65536, 69632)]
    public async Task A_block_larger_than_the_configured_buffer_is_written_whole(int block, int bufferSize)
    {
        byte[] data = Bytes.Random((3 * block) + 10);
        var memory = new MemoryBackend(block);
        await using StorageImage storage = StorageImage.On(memory, new(bufferSize, queueDepth: 2));

        await storage.WriteAsync(block - 1, data);
        byte[] read = await storage.ReadAsync(block - 1, data.Length);

        Bytes.AssertEqual(Bytes.Written([], block - 1, data), storage.Content, "content");
        Bytes.AssertEqual(data, read, "read back");
    }

    [Theory(Timeout = 30_000)]
    [InlineData(1000, 4096, new long[] { 1000, 8192, 16384 })]
    [InlineData(4096, 4096, new long[] { 4096, 12288 })]
    [InlineData(1000, 32768, new long[] { 1000, 9192 })]
    public async Task All_buffers_but_the_first_begin_at_multiples_of_the_preferred_block_size(
        long offset, int preferred, long[] expected)
    {
        const int Length = 16_000;
        byte[] data = Bytes.Random(Length);
        var memory = new MemoryBackend(1, new byte[30_000]) { PreferredBlockSize = preferred };
        await using StorageImage storage = StorageImage.On(memory, StorageImage.SmallRing);

        await storage.WriteAsync(offset, data);
        Assert.Equal(expected, memory.Offsets.Order());

        memory.Offsets.Clear();
        byte[] read = await storage.ReadAsync(offset, Length);
        Bytes.AssertEqual(data, read, "read back");
        Assert.Equal(expected, memory.Offsets.Order());
    }
}
