using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;
using Xunit;
using static ImageIO.Backends.Testing.ContractAssert;

namespace ImageIO.Backends.Testing;

public abstract partial class BackendContractTests
{
    /// <summary>See <see cref="IBackend.GetExtentsAsync"/>.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(70000)]
    [InlineData(UsualSize)]
    public async Task Extents_are_ordered_without_gaps_and_cover_exactly_the_image(long size)
    {
        IBackend backend = await OpenNewAsync(size);
        AssertCovers(await ExtentsAsync(backend), backend.Size);
        for (int start = 0; start + 65536 <= size; start += 3 * 65536)
        {
            await WriteAsync(backend, Pattern(65536, start), start);
        }

        AssertCovers(await ExtentsAsync(backend), backend.Size);
    }

    /// <summary>A client does not download zero extents, so data that is reported as zero is lost.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Extents_called_zero_read_as_zeroes()
    {
        IBackend backend = await OpenNewAsync();
        byte[] bytes = Pattern(backend.BlockSize, 31);

        // At most 128 writes, even if a block is a byte.
        int stride = Math.Max(16 * backend.BlockSize, UsualSize / 128);
        for (int start = backend.BlockSize; start + backend.BlockSize <= UsualSize; start += stride)
        {
            await WriteAsync(backend, bytes, start);
        }

        if (backend.Capabilities.CanZero)
        {
            await backend.ZeroAsync(UsualSize / 2, UsualSize / 4, ZeroMode.Deallocate, CancellationToken.None);
        }

        byte[] all = await ReadAllAsync(backend);
        foreach (Extent extent in await ExtentsAsync(backend))
        {
            if (extent.Flags.HasFlag(ExtentFlags.Zero))
            {
                AssertZero(
                    all.AsMemory((int)extent.Range.Start, (int)extent.Range.Length), $"zero extent {extent.Range}");
            }
        }
    }

    /// <summary>See <see cref="BackendCapabilities.HasZeroExtents"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Zero_extents_are_reported_exactly_if_they_are_offered()
    {
        Skip.If(ZeroesShowAsData is not null, ZeroesShowAsData);
        IBackend backend = await OpenNewAsync();
        if (backend.Capabilities.HasZeroExtents)
        {
            Assert.All(await ExtentsAsync(backend), extent => Assert.True(extent.Flags.HasFlag(ExtentFlags.Zero)));
        }
        else
        {
            Assert.All(await ExtentsAsync(backend), extent => Assert.False(extent.Flags.HasFlag(ExtentFlags.Zero)));
        }
    }

    /// <summary>Each extent is true at its moment, but all together they cover the image.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Extents_cover_the_image_also_while_it_is_written()
    {
        IBackend backend = await OpenNewAsync();
        using var stop = new CancellationTokenSource();
        Task writing = WriteUntilAsync(backend, stop.Token);
        try
        {
            for (int i = 0; i < 50; i++)
            {
                AssertCovers(await ExtentsAsync(backend), backend.Size);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await writing;
        }
    }

    /// <summary>An enumeration that is cancelled throws, or has returned everything.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Cancelled_enumeration_never_ends_early_as_if_complete()
    {
        IBackend backend = await OpenNewAsync();
        await WriteAsync(backend, Pattern(65536, 33), 65536);
        await AssertCancelledExtentsAsync(backend);
    }

    private async Task WriteUntilAsync(IBackend backend, CancellationToken stop)
    {
        var random = new Random(32);
        byte[] bytes = Pattern(backend.BlockSize, 32);
        int blocks = (int)(backend.Size / backend.BlockSize);
        while (!stop.IsCancellationRequested)
        {
            long start = (long)random.Next(blocks) * backend.BlockSize;
            if (backend.Capabilities.CanZero && random.Next(2) == 0)
            {
                await backend.ZeroAsync(start, backend.BlockSize, ZeroMode.Deallocate, CancellationToken.None);
            }
            else
            {
                await WriteAsync(backend, bytes, start, CancellationToken.None);
            }

            // A backend in memory completes all of this at once, so let the reader run too.
            await Task.Yield();
        }
    }
}
