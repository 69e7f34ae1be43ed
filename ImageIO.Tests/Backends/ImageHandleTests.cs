using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Backends;

public sealed class ImageHandleTests
{
    [Theory(Timeout = 30_000)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task No_more_readers_and_writers_run_at_once_than_the_backend_declares(int limit)
    {
        var memory = new MemoryBackend(512, new byte[100_000])
        {
            Capabilities = new()
            {
                CanWrite = true,
                CanZero = true,
                CanGrow = true,
                MaxReaders = limit,
                MaxWriters = limit,
            },
        };
        await using StorageImage storage = StorageImage.On(memory);

        await Task.WhenAll(Enumerable.Range(0, 8).SelectMany(i => new Task[]
        {
            Task.Run(() => storage.WriteAsync(i * 10_001, Bytes.Random(20_000))),
            Task.Run(() => storage.ReadAsync(i * 10_000, 20_000)),
            Task.Run(() => storage.ZeroAsync(i * 10_000, 5000)),
        }));

        // The backend itself fails a call too many; here: that there was something to hold back.
        Assert.InRange(memory.MostReaders, 1, limit);
        Assert.InRange(memory.MostWriters, 1, limit);
    }

    [Fact(Timeout = 30_000)]
    public async Task Storage_is_called_on_storage_threads_alone()
    {
        var memory = new MemoryBackend(512, new byte[4096]);
        var backend = new FaultyBackend(memory);
        await using StorageImage storage = StorageImage.On(backend, memory.Content);
        ImageHandle image = storage.Image;
        using AlignedBuffer buffer = AlignedBuffer.Allocate(4096);

        await OnThreadOfItsOwn(() => image.ReadAsync(buffer.Memory, 0, CancellationToken.None).AsTask());
        await OnThreadOfItsOwn(
            () => image.WriteAsync(buffer.Memory, 0, ByteRange.At(0, 512), CancellationToken.None).AsTask());
        await OnThreadOfItsOwn(() => image.ZeroAsync(0, 4096, ZeroMode.Allocate, CancellationToken.None).AsTask());
        await OnThreadOfItsOwn(() => image.FlushAsync(CancellationToken.None).AsTask());

        await OnThreadOfItsOwn(
            () => image.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None).ToListAsync().AsTask());
        await OnThreadOfItsOwn(() => image.DisposeAsync().AsTask());

        Assert.Equal(4, Enum.GetValues<BackendCall>().Sum(backend.Count));
        Assert.Equal(0, backend.CallsOnOtherThreads);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_backend_that_does_not_block_is_called_on_the_thread_of_the_caller()
    {
        var memory = new MemoryBackend(512, new byte[4096]) { MayBlock = false };
        var backend = new FaultyBackend(memory);
        await using StorageImage storage = StorageImage.On(backend, memory.Content);
        using AlignedBuffer buffer = AlignedBuffer.Allocate(4096);

        await OnThreadOfItsOwn(() => storage.Image.ReadAsync(buffer.Memory, 0, CancellationToken.None).AsTask());

        Assert.Equal(1, backend.CallsOnOtherThreads);
    }

    [Fact(Timeout = 30_000)]
    public async Task Closing_waits_for_the_calls_under_way_and_refuses_further_ones()
    {
        var memory = new MemoryBackend(512, new byte[4096]);
        var backend = new FaultyBackend(memory);
        StorageImage storage = StorageImage.On(backend, memory.Content);
        ImageHandle image = storage.Image;
        using AlignedBuffer buffer = AlignedBuffer.Allocate(4096);
        Held reading = backend.Hold(BackendCall.Read, 1);
        Task read = image.ReadAsync(buffer.Memory, 0, CancellationToken.None).AsTask();
        IAsyncEnumerator<Core.Ranges.Extent> extents =
            image.GetExtentsAsync(ExtentContext.Zero, default).GetAsyncEnumerator();
        await extents.MoveNextAsync();
        await reading.Arrived;

        Task closing = storage.DisposeAsync().AsTask();
        TransferException late = await Assert.ThrowsAsync<TransferException>(() => image.GetSizeAsync().AsTask());

        Assert.Equal(TransferError.TicketCanceled, late.Error);
        reading.Release();
        await read;
        Assert.False(memory.IsDisposed);
        await extents.DisposeAsync();
        await closing;
        Assert.True(memory.IsDisposed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(131072)]
    public void A_backend_with_an_impossible_block_size_is_refused(int block)
    {
        using var pool = new BufferPool(BufferPool.SmallBuffer);

        InvalidOperationException e = Assert.Throws<InvalidOperationException>(
            () => new ImageHandle(new MemoryBackend(block), "odd", new RingSettings(), pool, TestThreads.NewImage()));

        Assert.Contains("odd", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4095, 1)]
    [InlineData(4096 + 512, 1)]
    [InlineData((64 * 1024 * 1024) + 4096, 1)]
    [InlineData(4096, 0)]
    [InlineData(4096, 65)]
    public void Ring_settings_out_of_range_are_refused(int bufferSize, int depth) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new RingSettings(bufferSize, depth));

    // As a socket's thread does it.
    private static Task OnThreadOfItsOwn(Func<Task> call) => Task.Factory
        .StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
        .Unwrap();
}
