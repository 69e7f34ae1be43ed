using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Operations;

public sealed class WriteTroubleTests
{
    private readonly MemoryBackend _memory = new(512);
    private readonly FaultyBackend _faulty;

    public WriteTroubleTests() => _faulty = new FaultyBackend(_memory);

    [Theory(Timeout = 30_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_client_sent_before_it_left_is_written_and_nothing_is_flushed(bool breaks)
    {
        byte[] sent = Bytes.Random(20_001);
        await using StorageImage storage = OnFaulty();
        var source = new ScriptedSource(sent, 1000) { Failure = breaks ? new IOException("reset") : null };
        var operation = new WriteOperation(storage.Image, 100, 50_000, long.MaxValue, source, flush: true);

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => operation.RunAsync(CancellationToken.None));

        Assert.Equal(TransferError.ClientDisconnected, e.Error);
        Bytes.AssertEqual(Bytes.Written([], 100, sent), storage.Content, "content");
        Assert.Equal(sent.Length, operation.Done);
        Assert.Equal(0, _faulty.Count(BackendCall.Flush));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_connection_that_is_cut_while_we_wait_for_data_ends_like_a_client_that_left()
    {
        byte[] sent = Bytes.Random(10_000);
        using var connection = new CancellationTokenSource();
        await using StorageImage storage = OnFaulty();
        var source = new ScriptedSource(sent, 5000)
        {
            BeforeRead = given => given == sent.Length ? connection.CancelAsync() : Task.CompletedTask,
        };
        var operation = new WriteOperation(storage.Image, 0, 50_000, long.MaxValue, source, flush: true);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => operation.RunAsync(connection.Token));

        Assert.Equal(TransferError.ClientDisconnected, e.Error);
        Bytes.AssertEqual(sent, storage.Content, "content");
        Assert.Equal(0, _faulty.Count(BackendCall.Flush));
    }

    [Fact(Timeout = 30_000)]
    public async Task Cancel_takes_effect_after_the_buffer_at_hand()
    {
        byte[] data = Bytes.Random(100_000);
        await using StorageImage storage = OnFaulty();
        WriteOperation? operation = null;
        var source = new ScriptedSource(data, 1000)
        {
            BeforeRead = given =>
            {
                if (given >= 10_000)
                {
                    operation!.Cancel();
                }

                return Task.CompletedTask;
            },
        };
        operation = new WriteOperation(storage.Image, 0, data.Length, long.MaxValue, source, flush: true);

        await Assert.ThrowsAsync<OperationCanceledException>(() => operation.RunAsync(CancellationToken.None));

        Bytes.AssertEqual(data.AsSpan(0, 2 * 8192), storage.Content, "content");
        Assert.Equal(2 * 8192, source.Taken);
        Assert.Equal(0, _faulty.Count(BackendCall.Flush));
    }

    [Fact(Timeout = 30_000)]
    public async Task Cancel_before_the_flush_leaves_it_out()
    {
        await using StorageImage storage = OnFaulty();
        Held write = _faulty.Hold(BackendCall.Write, 1);
        var operation = new WriteOperation(
            storage.Image, 0, 512, long.MaxValue, new ScriptedSource(Bytes.Random(512)), flush: true);

        Task running = operation.RunAsync(CancellationToken.None);
        await write.Arrived;
        operation.Cancel();
        write.Release();

        await Assert.ThrowsAsync<OperationCanceledException>(() => running);
        Assert.Equal(0, _faulty.Count(BackendCall.Flush));
    }

    [Theory(Timeout = 30_000)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public async Task A_storage_failure_is_reported_with_its_name_and_all_buffers_come_back(int nth)
    {
        _faulty.Fail(BackendCall.Write, nth);
        await using StorageImage storage = OnFaulty();

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => storage.WriteAsync(0, Bytes.Random(100_000), flush: true));

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Equal(0, storage.Pool.RentedBytes + storage.Pool.SmallBytes);
        Assert.Equal(0, _faulty.Count(BackendCall.Flush));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_failure_waits_for_the_writes_beside_it_before_it_is_reported()
    {
        Held first = _faulty.Hold(BackendCall.Write, 1);
        Held second = _faulty.Hold(BackendCall.Write, 2);
        _faulty.Fail(BackendCall.Write, 1);
        await using StorageImage storage = OnFaulty();

        Task running = storage.WriteAsync(0, Bytes.Random(100_000));
        await second.Arrived;
        first.Release();
        Assert.NotEqual(0, storage.Pool.RentedBytes + storage.Pool.SmallBytes);
        Assert.False(running.IsCompleted, "The image could be closed under a write that is still running");
        second.Release();

        await Assert.ThrowsAsync<TransferException>(() => running);
        Assert.Equal(0, storage.Pool.RentedBytes + storage.Pool.SmallBytes);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_full_disk_is_reported_with_the_bytes_written_before()
    {
        _faulty.Fail(BackendCall.Write, 3, TransferError.StorageFull);
        // One after the other, so that the third write is that of the third buffer.
        await using StorageImage storage = StorageImage.On(
            _faulty, _memory.Content, new RingSettings(bufferSize: 8192, queueDepth: 1));

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => storage.WriteAsync(0, Bytes.Random(100_000)));

        Assert.Equal(TransferError.StorageFull, e.Error);
        Assert.Equal(2 * 8192, e.BytesDone);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(1, 1)]
    [InlineData(100, 700)]
    public async Task An_edge_that_cannot_be_read_fails_the_write_and_changes_nothing(int offset, int length)
    {
        byte[] before = Bytes.Random(2000);
        var faulty = new FaultyBackend(new MemoryBackend(512, before));
        faulty.Fail(BackendCall.Read, 1);
        await using StorageImage storage = StorageImage.On(faulty, () => before);

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => storage.WriteAsync(offset, Bytes.Random(length, 2)));

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Equal(0, faulty.Count(BackendCall.Write));
    }

    [Fact(Timeout = 30_000)]
    public async Task No_more_writes_are_in_flight_than_the_ring_allows_and_the_client_waits()
    {
        byte[] data = Bytes.Random(100_000);
        await using StorageImage storage = OnFaulty();
        Held[] writes = [.. Enumerable.Range(1, 3).Select(nth => _faulty.Hold(BackendCall.Write, nth))];
        var source = new ScriptedSource(data);

        Task running = new WriteOperation(storage.Image, 0, data.Length, long.MaxValue, source, flush: false)
            .RunAsync(CancellationToken.None);
        await Task.WhenAll(writes.Select(write => write.Arrived));

        // Everything up to here ran without waiting for anything but the storage, so nothing more can be under way.
        Assert.Equal(3, _faulty.Count(BackendCall.Write));
        Assert.Equal(3 * 8192, source.Taken);
        Assert.Equal(3 * BufferPool.SmallBuffer, storage.Pool.RentedBytes + storage.Pool.SmallBytes);
        Array.ForEach(writes, write => write.Release());
        await running;
        Bytes.AssertEqual(data, storage.Content, "content");
    }

    [Fact(Timeout = 30_000)]
    public async Task With_a_pool_that_refuses_everything_two_uploads_finish()
    {
        byte[] data = Bytes.Random(100_000);
        using var pool = new BufferPool(BufferPool.SmallBuffer);
        await using StorageImage storage = StorageImage.On(_memory, pool: pool);

        await Task.WhenAll(storage.WriteAsync(1, data), storage.WriteAsync(200_001, data));

        Bytes.AssertEqual(Bytes.Written(Bytes.Written([], 1, data), 200_001, data), storage.Content, "content");
    }

    private StorageImage OnFaulty() => StorageImage.On(_faulty, _memory.Content);
}
