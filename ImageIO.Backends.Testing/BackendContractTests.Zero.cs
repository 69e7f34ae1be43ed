using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using Xunit;
using static ImageIO.Backends.Testing.ContractAssert;

namespace ImageIO.Backends.Testing;

public abstract partial class BackendContractTests
{
    /// <summary><see cref="BlockRuns"/> in both modes.</summary>
    public static TheoryData<int, int, ZeroMode> ZeroRuns
    {
        get
        {
            var data = new TheoryData<int, int, ZeroMode>();
            foreach (object[] run in BlockRuns)
            {
                data.Add((int)run[0], (int)run[1], ZeroMode.Allocate);
                data.Add((int)run[0], (int)run[1], ZeroMode.Deallocate);
            }

            return data;
        }
    }

    /// <summary>
    /// See <see cref="IBackend.ZeroAsync"/>: all of the range, and nothing outside even if it is refused.
    /// </summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [MemberData(nameof(ZeroRuns))]
    public async Task Zero_changes_its_range_and_nothing_else(int block, int count, ZeroMode mode)
    {
        IBackend backend = await OpenNewAsync();
        Skip.IfNot(backend.Capabilities.CanZero, "the image offers no zeroing");
        byte[] expected = Pattern((int)backend.Size, 21);
        await WriteAsync(backend, expected, 0);

        (int start, int length) = Run(backend, block, count);
        if (!await backend.ZeroAsync(start, length, mode, CancellationToken.None))
        {
            // As the operation does then.
            await WriteAsync(backend, new byte[length], start);
        }

        expected.AsSpan(start, length).Clear();
        Assert.Equal(expected.Length, backend.Size);
        AssertSame(expected, await ReadAllAsync(backend), "the whole image");
    }

    /// <summary>Zeroing zeroes is no error, and bytes that are written there afterwards remain.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(ZeroMode.Allocate)]
    [InlineData(ZeroMode.Deallocate)]
    public async Task Zeroed_range_can_be_zeroed_again_and_written(ZeroMode mode)
    {
        IBackend backend = await OpenNewAsync();
        Skip.IfNot(backend.Capabilities.CanZero, "the image offers no zeroing");
        bool first = await backend.ZeroAsync(0, backend.Size, mode, CancellationToken.None);
        bool second = await backend.ZeroAsync(0, backend.Size, mode, CancellationToken.None);
        Assert.True(first || !second, "refused at first, done later: a refusal must be lasting");
        byte[] bytes = Pattern(backend.BlockSize, 22);
        await WriteAsync(backend, bytes, backend.BlockSize);

        byte[] all = await ReadAllAsync(backend);
        AssertZero(all.AsMemory(0, backend.BlockSize), "before the write");
        AssertSame(bytes, all.AsMemory(backend.BlockSize, backend.BlockSize), "the write");
        AssertZero(all.AsMemory(2 * backend.BlockSize), "behind the write");
    }

    /// <summary>Zeroing grows an image like a write, from its last partial block or after a gap.</summary>
    [ContractTheory(Needs = ContractParts.Growth, Timeout = TestTimeout)]
    [InlineData(0, 0, 1, ZeroMode.Allocate)]
    [InlineData(0, 0, 1, ZeroMode.Deallocate)]
    [InlineData(65536, 0, 131072, ZeroMode.Allocate)]
    [InlineData(65536, 0, 131072, ZeroMode.Deallocate)]
    [InlineData(65536, 65536, 70001, ZeroMode.Allocate)]
    [InlineData(65536, 65536, 70001, ZeroMode.Deallocate)]
    [InlineData(65537, -65536, 131073, ZeroMode.Allocate)]
    [InlineData(65537, -65536, 131073, ZeroMode.Deallocate)]
    [InlineData(65537, -65536, 65537, ZeroMode.Allocate)]
    [InlineData(65537, -65536, 65537, ZeroMode.Deallocate)]
    public async Task Zero_to_or_past_the_end_makes_the_image_end_there(int size, int gap, int length, ZeroMode mode)
    {
        IBackend backend = await OpenNewAsync(size);
        Skip.IfNot(backend.Capabilities.CanGrow && backend.Capabilities.CanZero, "the image cannot grow by zeroing");
        byte[] old = Pattern(size, 23);
        if (size > 0)
        {
            await WriteAsync(backend, old, 0);
        }

        // A negative gap means that the range begins inside the image.
        long start = gap < 0 ? 0 : Alignment.Up(size, backend.BlockSize) + gap;
        bool zeroed = await backend.ZeroAsync(start, length, mode, CancellationToken.None);
        Skip.IfNot(zeroed, "the storage refused, so the caller writes zeroes");

        Assert.Equal(Math.Max(size, start + length), backend.Size);
        byte[] all = await ReadAllAsync(backend);
        int kept = (int)Math.Min(size, start);
        AssertSame(old.AsMemory(0, kept), all.AsMemory(0, kept), "before the range");
        AssertZero(all.AsMemory(kept), "gap and range");
    }
}
