using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using Xunit;
using static ImageIO.Backends.Testing.ContractAssert;

namespace ImageIO.Backends.Testing;

public abstract partial class BackendContractTests
{
    /// <summary>Runs of blocks: the first block and the count; negative: from the end.</summary>
    public static TheoryData<int, int> BlockRuns => new()
    {
        { 0, 1 }, { 0, 2 }, { 1, 1 }, { 3, 7 }, { 15, 1 }, { 7, 9 }, { 0, 16 }, { -1, 1 }, { -3, 2 },
    };

    /// <summary>See <see cref="IBackend.ReadAsync"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task New_image_reads_as_zeroes() =>
        AssertZero(await ReadAllAsync(await OpenNewAsync()), "a new image");

    /// <summary>See <see cref="IBackend.WriteAsync"/>.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [MemberData(nameof(BlockRuns))]
    public async Task Write_changes_its_range_and_nothing_else(int block, int count)
    {
        IBackend backend = await OpenNewAsync();
        byte[] expected = Pattern((int)backend.Size, 4);
        await WriteAsync(backend, expected, 0);

        (int start, int length) = Run(backend, block, count);
        byte[] bytes = Pattern(length, 5);
        await WriteAsync(backend, bytes, start);
        bytes.CopyTo(expected, start);
        AssertSame(bytes, await ReadAsync(backend, start, length), "what was written");
        AssertSame(expected, await ReadAllAsync(backend), "the whole image");
    }

    /// <summary>Operations read whole blocks, even where the image ends inside or before one.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    public async Task Bytes_at_and_past_the_size_read_as_zeroes(int partial)
    {
        IBackend backend = await OpenNewAsync(UsualSize - partial);
        byte[] bytes = Pattern((int)backend.Size, 6);
        await WriteAsync(backend, bytes, 0);

        byte[] across = await ReadAsync(backend, 0, UsualSize + (4 * backend.BlockSize));
        AssertSame(bytes, across.AsMemory(0, bytes.Length), "before the size");
        AssertZero(across.AsMemory(bytes.Length), "from the size on");
        AssertZero(await ReadAsync(backend, UsualSize + backend.BlockSize, 2 * backend.BlockSize), "far past the size");
    }

    /// <summary>The image's last block may be partial, and is written as such.</summary>
    [ContractTheory(Needs = ContractParts.PartialBlocks, Timeout = TestTimeout)]
    [InlineData(1)]
    [InlineData(513)]
    [InlineData(4095)]
    public async Task Last_partial_block_is_written_without_changing_the_size(int partial)
    {
        long size = UsualSize - 8192 + partial;
        IBackend backend = await OpenNewAsync(size);
        Skip.If(backend.Size != size, "images of this kind have whole blocks only");
        long start = Alignment.Down(size, backend.BlockSize);
        Skip.If(start == size, "images of this kind have whole blocks only");
        byte[] bytes = Pattern((int)(size - start), 7);
        await WriteAsync(backend, bytes, start);
        Assert.Equal(size, backend.Size);
        AssertSame(bytes, await ReadAsync(backend, start, bytes.Length), "the last block");
    }

    /// <summary>Growth by whole and partial blocks, at the end and after a gap.</summary>
    [ContractTheory(Needs = ContractParts.Growth, Timeout = TestTimeout)]
    [InlineData(0, 0, 1)]
    [InlineData(0, 0, 4096)]
    [InlineData(0, 131072, 70000)]
    [InlineData(65536, 0, 131072)]
    [InlineData(65536, 0, 511)]
    [InlineData(65536, 131072, 4097)]
    [InlineData(65537, 65536, 1)]
    [InlineData(65537, 0, 300000)]
    public async Task Write_past_the_end_grows_the_image_to_exactly_its_end(int size, int gap, int length)
    {
        IBackend backend = await OpenNewAsync(size);
        Skip.IfNot(backend.Capabilities.CanGrow, "the image cannot grow");
        byte[] expected = Pattern(size, 8);
        if (size > 0)
        {
            await WriteAsync(backend, expected, 0);
        }

        long start = Alignment.Up(size, backend.BlockSize) + gap;
        byte[] bytes = Pattern(length, 9);
        await WriteAsync(backend, bytes, start);

        Assert.Equal(start + length, backend.Size);
        byte[] all = await ReadAllAsync(backend);
        AssertSame(expected, all.AsMemory(0, size), "before the gap");
        AssertZero(all.AsMemory(size, (int)start - size), "the gap");
        AssertSame(bytes, all.AsMemory((int)start), "behind the gap");
    }

    /// <summary>Any sequence of calls, compared with an array of bytes.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    public async Task Any_sequence_of_writes_zeroes_and_reads_equals_an_array(int seed)
    {
        const int Steps = 60;
        var random = new Random(seed);
        IBackend backend = await OpenNewAsync();
        int room = backend.Capabilities.CanGrow ? 2 * UsualSize : (int)backend.Size;
        byte[] model = new byte[room];
        long size = backend.Size;
        for (int step = 0; step < Steps; step++)
        {
            (int start, int length) = AnyRange(random, backend, room);
            switch (random.Next(3))
            {
                case 0:
                    byte[] bytes = Pattern(length, step);
                    await WriteAsync(backend, bytes, start);
                    bytes.CopyTo(model, start);
                    size = Math.Max(size, start + length);
                    break;
                case 1 when backend.Capabilities.CanZero:
                    if (!await backend.ZeroAsync(start, length, (ZeroMode)random.Next(2), CancellationToken.None))
                    {
                        await WriteAsync(backend, new byte[length], start);
                    }

                    model.AsSpan(start, length).Clear();
                    size = Math.Max(size, start + length);
                    break;
                default:
                    AssertSame(model.AsMemory(start, length), await ReadAsync(backend, start, length), $"step {step}");
                    break;
            }

            Assert.True(size == backend.Size, $"step {step}: size is {backend.Size}, expected {size}");
        }

        AssertSame(model.AsMemory(0, (int)size), await ReadAllAsync(backend), "the end");
    }

    // Aligned as the contract promises: a length that is no multiple of a block ends at or past the size.
    private static (int Start, int Length) AnyRange(Random random, IBackend backend, int room)
    {
        int blocks = room / backend.BlockSize;
        int first = random.Next(blocks);
        int count = random.Next(1, Math.Min(blocks - first, 64) + 1);
        int start = first * backend.BlockSize;
        int length = count * backend.BlockSize;
        int cut = random.Next(backend.BlockSize);
        return backend.Capabilities.CanGrow && start + length - cut >= backend.Size && random.Next(2) == 0
            ? (start, length - cut)
            : (start, length);
    }

    private static (int Start, int Length) Run(IBackend backend, int block, int count)
    {
        int first = block >= 0 ? block : (int)(backend.Size / backend.BlockSize) + block;
        return (first * backend.BlockSize, count * backend.BlockSize);
    }
}
