using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Operations;

/// <summary>
/// Bytes that a client sent before it left wait for the storage for ten seconds, and then give their buffers back
/// (issue 15, B8).
/// </summary>
public sealed class AbandonedUploadTests : IDisposable
{
    private const int Size = 3 * 8192;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(100);

    private readonly FakeTimeProvider _clock = new();
    private readonly ScriptedThreads _threads = new(64) { Refuses = true };
    private readonly StorageQueue _queue;
    private readonly BufferPool _pool;
    private readonly MemoryBackend _memory = new(512);
    private readonly byte[] _data = Bytes.Random(Size);
    private readonly CancellationTokenSource _client = new();

    public AbandonedUploadTests()
    {
        _pool = new BufferPool(4 * 1024 * 1024, _clock);
        _queue = new StorageQueue(_threads, _clock);
    }

    public void Dispose() => _client.Dispose();

    [Fact(Timeout = 30_000)]
    public async Task Bytes_that_get_no_storage_thread_are_given_up_ten_seconds_after_their_client_left()
    {
        StorageImage storage = Open(new SharedImage(_queue));
        Task upload = UploadAsync(storage);
        Assert.Equal(3, _queue.Waiting);

        // A client that is there has all the time.
        _clock.Advance(2 * Patience);
        await _client.CancelAsync();
        _clock.Advance(Patience - Moment);
        Assert.Equal(3, _queue.Waiting);
        Assert.False(upload.IsCompleted);
        _clock.Advance(Moment);

        await AssertGivenUpAsync(upload);
        Assert.Equal(0, _queue.Waiting);
        await RunStorageUntilAsync(storage.DisposeAsync().AsTask());
    }

    [Fact(Timeout = 30_000)]
    public async Task Bytes_whose_storage_recovers_within_ten_seconds_are_written()
    {
        StorageImage storage = Open(new SharedImage(_queue));
        Task upload = UploadAsync(storage);

        await _client.CancelAsync();
        _clock.Advance(Patience / 2);
        await RunStorageUntilAsync(upload);

        Bytes.AssertEqual(_data, _memory.Content(), "what the client sent before it left");
        await RunStorageUntilAsync(storage.DisposeAsync().AsTask());
    }

    // Another ticket's write of the same blocks hangs.
    [Fact(Timeout = 30_000)]
    public async Task Bytes_that_wait_for_a_lock_are_given_up_ten_seconds_after_their_client_left()
    {
        SharedImage shared = TestThreads.NewImage();
        await using StorageImage storage = Open(shared);
        RangeLock.Holder other = await shared.Locks.AcquireAsync(default, new ByteRange(0, long.MaxValue));
        Task upload = UploadAsync(storage);

        await _client.CancelAsync();
        _clock.Advance(Patience - Moment);
        Assert.False(upload.IsCompleted);
        _clock.Advance(Moment);

        await AssertGivenUpAsync(upload);
        other.Dispose();
    }

    private StorageImage Open(SharedImage shared) =>
        StorageImage.On(_memory, _memory.Content, pool: _pool, shared: shared);

    private Task UploadAsync(StorageImage storage) =>
        new WriteOperation(storage.Image, 0, Size, Size, new ScriptedSource(_data), flush: false)
            .RunAsync(_client.Token);

    private async Task AssertGivenUpAsync(Task upload)
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(() => upload);
        Assert.Equal(TransferError.ClientDisconnected, e.Error);
        Assert.Equal(0, _pool.RentedBytes + _pool.SmallBytes);
        Assert.Empty(_memory.Content());
    }

    // The storage works again, on the test's thread.
    private async Task RunStorageUntilAsync(Task isOver)
    {
        _threads.Refuses = false;
        await Eventually.HoldsAsync(
            () =>
            {
                if (_queue.Waiting > 0)
                {
                    _clock.Advance(Moment);
                }

                while (_threads.Given > 0)
                {
                    _threads.RunOne();
                }

                return isOver.IsCompleted;
            },
            "the storage has done its work");
        await isOver;
    }
}
