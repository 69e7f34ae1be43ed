using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using Xunit;
using static ImageIO.Backends.Testing.ContractAssert;

namespace ImageIO.Backends.Testing;

public abstract partial class BackendContractTests
{
    /// <summary>See <see cref="IBackend.Size"/>: a reader relies on it.</summary>
    [ContractTheory(Needs = ContractParts.PartialBlocks | ContractParts.SeveralHandles, Timeout = TestTimeout)]
    [InlineData(1)]
    [InlineData(700)]
    [InlineData(4095)]
    public async Task Size_is_never_larger_than_the_image_while_its_last_partial_block_is_written(int partial)
    {
        const int Rounds = 100;
        long size = UsualSize - 8192 + partial;
        Skip.IfNot(OneHandleOnly is null, OneHandleOnly);
        ImageUrl url = await CreateImageAsync(size);
        IBackend writer = await OpenAsync(url);
        IBackend reader = await OpenAsync(url);
        long start = Alignment.Down(size, writer.BlockSize);
        Skip.If(writer.Size != size || start == size, "images of this kind have whole blocks only");
        byte[] bytes = Pattern((int)(size - start), 35);
        Task writing = Task.Run(async () =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                await WriteAsync(writer, bytes, start);
            }
        });
        while (!writing.IsCompleted)
        {
            Assert.Equal(size, reader.Size);
            Assert.Equal(size, writer.Size);
        }

        await writing;
        AssertSame(bytes, await ReadAsync(reader, start, bytes.Length), "the last block");
    }

    /// <summary>
    /// A last partial block must not affect the blocks before it, which other writers write meanwhile.
    /// </summary>
    [ContractFact(Needs = ContractParts.PartialBlocks | ContractParts.SeveralHandles, Timeout = TestTimeout)]
    public async Task Last_partial_block_and_the_blocks_before_it_can_be_written_in_parallel()
    {
        const int Rounds = 50;
        const int Before = 8192;
        long size = UsualSize - 700;
        Skip.IfNot(OneHandleOnly is null, OneHandleOnly);
        ImageUrl url = await CreateImageAsync(size);
        IBackend backend = await OpenAsync(url);
        IBackend other = await OpenAsync(url);
        long tail = Alignment.Down(size, backend.BlockSize);
        Skip.If(backend.Size != size || tail == size, "images of this kind have whole blocks only");
        Skip.If(backend.Capabilities.MaxWriters < 2, "the image takes one writer at a time");
        for (int round = 0; round < Rounds; round++)
        {
            byte[] last = Pattern((int)(size - tail), round);
            byte[] before = Pattern(Before, round + Rounds);
            IEnumerable<Task> blocks = Enumerable.Range(0, Before / backend.BlockSize).Select(
                block => Task.Run(async () =>
                await WriteAsync(
                    other,
                    before[(block * backend.BlockSize)..((block + 1) * backend.BlockSize)],
                    tail - Before + (block * backend.BlockSize))));
            await Task.WhenAll(blocks.Append(Task.Run(async () => await WriteAsync(backend, last, tail))));
            AssertSame(before, await ReadAsync(backend, tail - Before, Before), $"round {round}: the blocks before");
            AssertSame(last, await ReadAsync(other, tail, last.Length), $"round {round}: the last block");
        }
    }
}
