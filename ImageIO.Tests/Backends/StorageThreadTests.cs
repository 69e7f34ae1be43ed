using ImageIO.Core.Backends;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Backends;

/// <summary>Where code continues after the hop to the threads for storage.</summary>
public sealed class StorageThreadTests
{
    private static readonly StorageShare Share = TestThreads.NewImage().Threads;

    [Fact(Timeout = 20_000)]
    public async Task A_caller_on_a_thread_of_its_own_continues_on_a_storage_thread_however_late_it_awaits()
    {
        (bool before, bool after) = await Task.Factory
            .StartNew(HopLateAsync, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            .Unwrap();

        Assert.Equal((false, true), (before, after));
    }

    [Fact(Timeout = 20_000)]
    public async Task A_caller_on_the_runtimes_pool_continues_on_a_storage_thread()
    {
        bool after = await Task.Run(async () =>
        {
            await StorageThread.SwitchAsync(Share, default);
            return TestThreads.IsOne;
        });

        Assert.True(after);
    }

    // A storage thread that serves one image must not be blocked by another one.
    [Fact(Timeout = 20_000)]
    public async Task A_caller_on_the_thread_of_another_image_continues_on_one_of_its_own()
    {
        StorageShare other = TestThreads.NewImage().Threads;
        await StorageThread.SwitchAsync(Share, default);
        Assert.True(StorageThread.SwitchAsync(Share, default).IsCompleted);
        Assert.False(StorageThread.SwitchAsync(other, default).IsCompleted);

        await StorageThread.SwitchAsync(other, default);

        Assert.Same(other, StorageTurn.CurrentShare);
    }

    [Fact]
    public async Task Values_that_flow_with_a_call_flow_over_the_hop_and_no_further()
    {
        var flowing = new AsyncLocal<string?> { Value = "mine" };

        string? there = await ReadAsync(flowing);
        string? later = await Task.Run(() =>
        {
            flowing.Value = null;
            return ReadAsync(flowing);
        });

        Assert.Equal(("mine", null), (there, later));
    }

    private static async Task<string?> ReadAsync(AsyncLocal<string?> flowing)
    {
        await StorageThread.ForkAsync(Share, default);
        return flowing.Value;
    }

    // Like a thread that was put to sleep in between: by then the storage thread has done all its work.
    private static async Task<(bool Before, bool After)> HopLateAsync()
    {
        bool before = StorageThread.SwitchAsync(Share, default).IsCompleted;
        var hop = StorageThread.SwitchAsync(Share, default);
        using var idle = new ManualResetEventSlim();
        Share.Queue.Run(Share, idle.Set, default);
        idle.Wait();
        await hop;
        return (before, TestThreads.IsOne);
    }

    // It hopped again for the next call: a GET of 4 KiB changed threads four times instead of twice.
    [Fact(Timeout = 20_000)]
    public async Task A_request_continues_on_a_storage_thread_even_if_the_storage_is_done_before_it_waits()
    {
        var shared = new SharedImage(new StorageQueue(new FasterThreads()));
        await using StorageImage storage = StorageImage.On(
            new MemoryBackend(512, new byte[5000]), () => [], shared: shared);

        long size = await storage.Image.GetSizeAsync();

        Assert.Equal(5000, size);
        Assert.Same(shared.Threads, StorageTurn.CurrentShare);
    }

    // They have done all that they are given before the caller goes on, as on a busy processor.
    private sealed class FasterThreads : IStorageThreads
    {
        public int Most => 64;

        public bool TryRun(Action work, bool mayStart)
        {
            var thread = new Thread(() => work());
            thread.Start();
            thread.Join();
            return true;
        }
    }
}
