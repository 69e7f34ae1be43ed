using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Backends;

/// <summary>An image never claims that lost data is durable.</summary>
public sealed class FlushMemoryTests : IAsyncLifetime
{
    private readonly FaultyBackend _faulty = new(new MemoryBackend(512));
    private readonly StorageImage _storage;

    public FlushMemoryTests() => _storage = StorageImage.On(_faulty, () => []);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _storage.DisposeAsync();

    [Fact(Timeout = 30_000)]
    public async Task After_a_failed_flush_the_next_one_fails_until_the_lost_ranges_were_written_again()
    {
        _faulty.Fail(BackendCall.Flush, 1);
        await _storage.WriteAsync(0, Bytes.Random(1024));
        await _storage.WriteAsync(4096, Bytes.Random(512));

        await AssertFlushAsync(TransferError.StorageFailed);
        await AssertFlushAsync(TransferError.FlushLost);

        await _storage.WriteAsync(0, Bytes.Random(1024));
        await AssertFlushAsync(TransferError.FlushLost);

        await _storage.WriteAsync(4096, Bytes.Random(512));
        await FlushAsync();
    }

    [Fact(Timeout = 30_000)]
    public async Task What_was_not_flushed_counts_as_lost_when_closing_the_handle_failed()
    {
        var shared = TestThreads.NewImage();
        var memory = new MemoryBackend(512, new byte[8192]);
        var failing = new FaultyBackend(new MemoryBackend(512, new byte[8192]))
        {
            CloseFailure = new TransferException(TransferError.StorageFailed, "close fails for a test"),
        };
        StorageImage first = StorageImage.On(failing, () => [], shared: shared);
        await first.WriteAsync(0, Bytes.Random(512), flush: true);
        await first.WriteAsync(4096, Bytes.Random(512));
        await Assert.ThrowsAsync<TransferException>(() => first.Image.DisposeAsync().AsTask());

        await using StorageImage second = StorageImage.On(memory, memory.Content, shared: shared);
        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => new FlushOperation(second.Image).RunAsync(CancellationToken.None));
        Assert.Equal(TransferError.FlushLost, e.Error);
        await second.WriteAsync(4096, Bytes.Random(512), flush: true);
    }

    [Fact(Timeout = 30_000)]
    public async Task Writing_half_of_what_was_lost_is_not_enough()
    {
        _faulty.Fail(BackendCall.Flush, 1);
        await _storage.WriteAsync(0, Bytes.Random(1024));
        await AssertFlushAsync(TransferError.StorageFailed);

        await _storage.WriteAsync(512, Bytes.Random(512));

        await AssertFlushAsync(TransferError.FlushLost);
    }

    [Fact(Timeout = 30_000)]
    public async Task Zeroing_what_was_lost_counts_as_writing_it_again()
    {
        _faulty.Fail(BackendCall.Flush, 1);
        await _storage.WriteAsync(0, Bytes.Random(1024));
        await AssertFlushAsync(TransferError.StorageFailed);

        await _storage.ZeroAsync(0, 1024);

        await FlushAsync();
    }

    [Fact(Timeout = 30_000)]
    public async Task What_an_earlier_flush_made_durable_is_not_lost_by_a_later_failure()
    {
        await _storage.WriteAsync(0, Bytes.Random(1024));
        await FlushAsync();
        _faulty.Fail(BackendCall.Flush, 2);
        await _storage.WriteAsync(4096, Bytes.Random(512));
        await AssertFlushAsync(TransferError.StorageFailed);

        await _storage.WriteAsync(4096, Bytes.Random(512));

        await FlushAsync();
    }

    [Fact(Timeout = 30_000)]
    public async Task A_write_that_fails_is_not_counted_as_writing_it_again()
    {
        _faulty.Fail(BackendCall.Flush, 1);
        _faulty.Fail(BackendCall.Write, 2);
        await _storage.WriteAsync(0, Bytes.Random(512));
        await AssertFlushAsync(TransferError.StorageFailed);

        await Assert.ThrowsAsync<TransferException>(() => _storage.WriteAsync(0, Bytes.Random(512)));

        await AssertFlushAsync(TransferError.FlushLost);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_write_that_ends_after_a_flush_failed_beside_it_is_lost_too()
    {
        _faulty.Fail(BackendCall.Flush, 1);
        Held write = _faulty.Hold(BackendCall.Write, 1);
        Task writing = _storage.WriteAsync(0, Bytes.Random(512));
        await write.Arrived;
        await AssertFlushAsync(TransferError.StorageFailed);

        write.Release();
        await writing;

        await AssertFlushAsync(TransferError.FlushLost);
        await _storage.WriteAsync(0, Bytes.Random(512));
        await FlushAsync();
    }

    [Fact(Timeout = 30_000)]
    public async Task A_write_that_begins_and_ends_while_a_flush_is_failing_is_lost_too()
    {
        _faulty.Fail(BackendCall.Flush, 1);
        Held flush = _faulty.Hold(BackendCall.Flush, 1);
        Task flushing = FlushAsync();
        await flush.Arrived;
        await _storage.WriteAsync(0, Bytes.Random(512));
        flush.Release();
        await Assert.ThrowsAsync<TransferException>(() => flushing);

        await AssertFlushAsync(TransferError.FlushLost);
        await _storage.WriteAsync(0, Bytes.Random(512));
        await FlushAsync();
    }

    [Fact(Timeout = 30_000)]
    public async Task Flushes_run_one_at_a_time_so_that_each_learns_of_its_own_failure()
    {
        Held flush = _faulty.Hold(BackendCall.Flush, 1);
        Task first = FlushAsync();
        await flush.Arrived;

        Task second = FlushAsync();

        Assert.Equal(1, _faulty.Count(BackendCall.Flush));
        flush.Release();
        await Task.WhenAll(first, second);
        Assert.Equal(2, _faulty.Count(BackendCall.Flush));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_client_that_leaves_does_not_stop_a_flush_half_way()
    {
        using var client = new CancellationTokenSource();
        Held flush = _faulty.Hold(BackendCall.Flush, 1);
        Task flushing = new FlushOperation(_storage.Image).RunAsync(client.Token);
        await flush.Arrived;

        await client.CancelAsync();

        Assert.False(flushing.IsCompleted);
        flush.Release();
        await flushing;
    }

    private Task FlushAsync() => new FlushOperation(_storage.Image).RunAsync(CancellationToken.None);

    private async Task AssertFlushAsync(TransferError error) =>
        Assert.Equal(error, (await Assert.ThrowsAsync<TransferException>(FlushAsync)).Error);
}
