using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;
using Xunit;
using static ImageIO.Backends.Testing.ContractAssert;

namespace ImageIO.Backends.Testing;

public abstract partial class ReadOnlyBackendContractTests
{
    /// <summary>See <see cref="IBackend.ReadAsync"/>.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(1)]
    [InlineData(513)]
    [InlineData(70_000)]
    [InlineData(UsualSize - 1)]
    [InlineData(UsualSize)]
    public async Task Image_reads_as_its_content(int size)
    {
        byte[] content = Content(size);
        AssertSame(content, await ReadAsync(await OpenNewAsync(content), 0, size), "the image");
    }

    /// <summary>Operations read whole blocks, even where the image ends inside or before one.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    public async Task Bytes_at_and_past_the_size_read_as_zeroes(int partial)
    {
        byte[] content = Content(UsualSize - partial);
        IBackend backend = await OpenNewAsync(content);
        byte[] across = await ReadAsync(backend, 0, UsualSize + (4 * backend.BlockSize));
        AssertSame(content, across.AsMemory(0, content.Length), "before the size");
        AssertZero(across.AsMemory(content.Length), "from the size on");
        AssertZero(await ReadAsync(backend, UsualSize + backend.BlockSize, 2 * backend.BlockSize), "far past the size");
    }

    /// <summary>Clients request ranges in any order, and again.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(51)]
    [InlineData(52)]
    [InlineData(53)]
    public async Task Any_sequence_of_reads_equals_the_content(int seed)
    {
        byte[] content = Content(UsualSize);
        IBackend backend = await OpenNewAsync(content);
        var random = new Random(seed);
        for (int step = 0; step < 60; step++)
        {
            int blocks = UsualSize / backend.BlockSize;
            int first = random.Next(blocks);
            int count = random.Next(1, Math.Min(blocks - first, Math.Max(65536 / backend.BlockSize, 1)) + 1);
            (int start, int length) = (first * backend.BlockSize, count * backend.BlockSize);
            AssertSame(content.AsMemory(start, length), await ReadAsync(backend, start, length), $"step {step}");
        }
    }

    /// <summary>A download keeps several buffers in flight, whose reads may come in any order.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task As_many_reads_as_declared_run_in_parallel()
    {
        const int Readers = 16;
        byte[] content = Content(UsualSize);
        IBackend backend = await OpenNewAsync(content);
        await Task.WhenAll(Enumerable.Range(0, Math.Min(Readers, backend.Capabilities.MaxReaders)).Select(
            reader => Task.Run(async () =>
        {
            var random = new Random(reader);
            for (int round = 0; round < 20; round++)
            {
                int start = random.Next(UsualSize / 65536) * 65536;
                AssertSame(content.AsMemory(start, 65536), await ReadAsync(backend, start, 65536), $"reader {reader}");
            }
        })));
    }

    /// <summary>A read under a cancelled token completes or throws, and the image stays usable.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Cancelled_read_completes_or_says_so_and_the_image_stays_usable()
    {
        byte[] content = Content(UsualSize);
        IBackend backend = await OpenNewAsync(content);
        try
        {
            byte[] read = await ReadAsync(backend, 0, UsualSize, new CancellationToken(canceled: true));
            AssertSame(content, read, "a read that completed");
        }
        catch (OperationCanceledException)
        {
            // It threw.
        }

        AssertSame(content, await ReadAsync(backend, 0, UsualSize), "after a cancelled read");
    }

    /// <summary>See <see cref="IBackend.GetExtentsAsync"/>.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(70_000)]
    [InlineData(UsualSize)]
    public async Task Extents_are_ordered_without_gaps_and_cover_exactly_the_image(int size)
    {
        IBackend backend = await OpenNewAsync(Content(size));
        AssertCovers(await ExtentsAsync(backend), backend.Size);
    }

    /// <summary>A client does not download zero extents, so data that is reported as zero is lost.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Extents_called_zero_are_offered_and_read_as_zeroes()
    {
        byte[] content = Content(UsualSize);
        IBackend backend = await OpenNewAsync(content);
        foreach (Extent extent in await ExtentsAsync(backend))
        {
            if (extent.Flags.HasFlag(ExtentFlags.Zero))
            {
                Assert.True(backend.Capabilities.HasZeroExtents, "zero extents are reported but not offered");
                AssertZero(
                    content.AsMemory(
                        (int)extent.Range.Start, (int)Math.Min(extent.Range.Length, UsualSize - extent.Range.Start)),
                    $"zero extent {extent.Range}");
            }
        }
    }

    /// <summary>An enumeration that is cancelled throws, or has returned everything.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Cancelled_enumeration_never_ends_early_as_if_complete()
    {
        IBackend backend = await OpenNewAsync(Content(UsualSize));
        await AssertCancelledExtentsAsync(backend);
    }
}
