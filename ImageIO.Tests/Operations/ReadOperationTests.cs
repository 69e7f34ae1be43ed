using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Operations;

public sealed class ReadOperationTests
{
    public static TheoryData<StorageKind, int, int> Images => BlockEdges.Images();

    [SkippableTheory(Timeout = 60_000)]
    [MemberData(nameof(Images))]
    public async Task Any_range_inside_the_image_is_sent_exactly(StorageKind kind, int block, int size)
    {
        byte[] content = Bytes.Random(size);
        await using StorageImage storage = await StorageImage.CreateAsync(kind, block, content);
        foreach ((int offset, int length) in BlockEdges.Requests(block)
            .Append((0, size)).Append((size - 1, 1)).Append((size, 0)))
        {
            if (offset >= 0 && offset + length <= size)
            {
                byte[] read = await storage.ReadAsync(offset, length);
                Bytes.AssertEqual(content.AsSpan(offset, length), read, $"{length} bytes at {offset}");
            }
        }
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(StorageKind.Memory)]
    [InlineData(StorageKind.File)]
    public async Task A_range_past_the_end_is_refused_and_nothing_is_sent(StorageKind kind)
    {
        await using StorageImage storage = await StorageImage.CreateAsync(kind, 512, Bytes.Random(1000));
        var client = new ScriptedDestination();

        foreach ((long offset, long length) in new[] { (0L, 1001L), (1000, 1), (1001, 0), (999, 2), (5000, 1) })
        {
            TransferException e = Assert.Throws<TransferException>(
                () => new ReadOperation(storage.Image, 1000, ByteRange.At(offset, length), client));
            Assert.Equal(TransferError.RangeNotSatisfiable, e.Error);
            Assert.Equal(1000, e.Limit);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Nothing_is_read_ahead_of_a_stalled_client_beyond_the_ring()
    {
        var faulty = new FaultyBackend(new MemoryBackend(512, Bytes.Random(1_000_000)));
        await using StorageImage storage = StorageImage.On(faulty, () => []);
        var stalled = new Held();
        var client = new ScriptedDestination
        {
            BeforeWrite = taken => taken == 0 ? stalled.StandAsync() : Task.CompletedTask,
        };
        var operation = new ReadOperation(storage.Image, 1_000_000, new ByteRange(0, 1_000_000), client);

        Task running = operation.RunAsync(CancellationToken.None);
        await stalled.Arrived;

        // Those behind the first run beside it, and may only be about to begin.
        await Eventually.HoldsAsync(
            () => faulty.Count(BackendCall.Read) >= storage.Image.Ring.QueueDepth, "the ring is full");
        Assert.Equal(storage.Image.Ring.QueueDepth, faulty.Count(BackendCall.Read));
        Assert.Equal(0, operation.Done);
        Assert.False(running.IsCompleted);
        stalled.Release();
        await running;
        Assert.Equal(1_000_000, operation.Done);
    }

    [Fact(Timeout = 30_000)]
    public async Task With_a_pool_that_refuses_everything_two_downloads_finish()
    {
        using var pool = new Core.Buffers.BufferPool(Core.Buffers.BufferPool.SmallBuffer);
        byte[] content = Bytes.Random(100_000);
        await using StorageImage storage = StorageImage.On(new MemoryBackend(512, content), pool: pool);

        byte[][] both = await Task.WhenAll(storage.ReadAsync(0, 100_000), storage.ReadAsync(1, 99_999));

        Bytes.AssertEqual(content, both[0], "first");
        Bytes.AssertEqual(content.AsSpan(1), both[1], "second");
    }

    [Fact(Timeout = 30_000)]
    public async Task A_client_that_leaves_ends_the_download_and_all_buffers_come_back()
    {
        await using StorageImage storage = await StorageImage.CreateAsync(
            StorageKind.Memory, 512, Bytes.Random(100_000));
        var client = new ScriptedDestination
        {
            BeforeWrite = taken => taken >= 20_000 ? Task.FromException(new IOException("reset")) : Task.CompletedTask,
        };
        var operation = new ReadOperation(storage.Image, 100_000, new ByteRange(0, 100_000), client);

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => operation.RunAsync(CancellationToken.None));

        Assert.Equal(TransferError.ClientDisconnected, e.Error);
        Assert.Equal(client.Received.Length, operation.Done);
        Assert.Equal(0, storage.Pool.RentedBytes + storage.Pool.SmallBytes);
    }

    [Fact(Timeout = 30_000)]
    public async Task Cancel_takes_effect_after_the_buffer_at_hand()
    {
        await using StorageImage storage = await StorageImage.CreateAsync(
            StorageKind.Memory, 512, Bytes.Random(100_000));
        ReadOperation? operation = null;
        var client = new ScriptedDestination
        {
            BeforeWrite = taken =>
            {
                if (taken == 8192)
                {
                    operation!.Cancel();
                }

                return Task.CompletedTask;
            },
        };
        operation = new ReadOperation(storage.Image, 100_000, new ByteRange(0, 100_000), client);

        await Assert.ThrowsAsync<OperationCanceledException>(() => operation.RunAsync(CancellationToken.None));

        Assert.Equal(2 * 8192, operation.Done);
        Assert.Equal(0, storage.Pool.RentedBytes + storage.Pool.SmallBytes);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_storage_failure_is_reported_and_all_buffers_come_back(int nth)
    {
        var faulty = new FaultyBackend(new MemoryBackend(512, Bytes.Random(100_000)));
        faulty.Fail(BackendCall.Read, nth);
        await using StorageImage storage = StorageImage.On(faulty, () => []);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => storage.ReadAsync(0, 100_000));

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Equal(0, storage.Pool.RentedBytes + storage.Pool.SmallBytes);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task A_file_cut_under_a_download_fails_it_instead_of_sending_zeroes()
    {
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.File, 512, Bytes.Random(100_000));
        var client = new ScriptedDestination
        {
            BeforeWrite = taken =>
            {
                if (taken == 0)
                {
                    using FileStream file = File.OpenWrite(storage.Path);
                    file.SetLength(50_000);
                }

                return Task.CompletedTask;
            },
        };
        var operation = new ReadOperation(storage.Image, 100_000, new ByteRange(0, 100_000), client);

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => operation.RunAsync(CancellationToken.None));

        Assert.Equal(TransferError.StorageFailed, e.Error);
    }
}
