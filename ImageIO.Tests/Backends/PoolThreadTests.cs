using ImageIO.Core.Backends;

namespace ImageIO.Tests.Backends;

/// <summary>Where code goes on after the hop to the threads that may block.</summary>
public sealed class PoolThreadTests
{
    [Fact(Timeout = 20_000)]
    public async Task Who_hops_from_a_thread_of_its_own_goes_on_where_it_may_block_however_late_it_awaits()
    {
        (bool before, bool after) = await Task.Factory
            .StartNew(HopLateAsync, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            .Unwrap();

        Assert.Equal((false, true), (before, after));
    }

    [Fact(Timeout = 20_000)]
    public async Task Calls_that_block_hold_up_no_other_call()
    {
        const int blocked = 100;
        using var release = new ManualResetEventSlim();
        Task[] stuck = [.. Enumerable.Range(0, blocked).Select(_ => BlockAsync(release))];

        // More than the runtime's pool would start within the test's time.
        await BlockAsync(release: null);

        Assert.DoesNotContain(stuck, call => call.IsCompleted);
        Assert.True(StorageThreads.Count > blocked);
        release.Set();
        await Task.WhenAll(stuck);
    }

    // Each waits for the one behind it, so that all of them are needed.
    [Fact(Timeout = 60_000)]
    public async Task Work_beyond_the_most_threads_waits_for_its_turn_and_is_done()
    {
        using var release = new ManualResetEventSlim();
        Task[] stuck = [.. Enumerable.Range(0, StorageThreads.Most + 50).Select(_ => BlockAsync(release))];
        Task late = BlockAsync(release: null);

        await Task.Delay(100);
        Assert.False(late.IsCompleted, "There is no thread for it");
        Assert.Equal(StorageThreads.Most, StorageThreads.Count);
        release.Set();

        await Task.WhenAll(stuck);
        await late;
    }

    [Fact(Timeout = 60_000)]
    public async Task Work_from_many_threads_at_once_is_done_once_each()
    {
        const int Rounds = 20_000;
        int done = 0;

        await Parallel.ForEachAsync(Enumerable.Range(0, Rounds), async (_, _) =>
        {
            await PoolThread.ForkAsync();
            Interlocked.Increment(ref done);
        });

        Assert.Equal(Rounds, done);
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
        await PoolThread.ForkAsync();
        return flowing.Value;
    }

    private static async Task BlockAsync(ManualResetEventSlim? release)
    {
        await PoolThread.ForkAsync();
        release?.Wait();
    }

    // As a thread does that was put to sleep in between: by then the other has done all that it was given.
    private static async Task<(bool Before, bool After)> HopLateAsync()
    {
        bool before = PoolThread.SwitchAsync().IsCompleted;
        var hop = PoolThread.SwitchAsync();
        using var idle = new ManualResetEventSlim();
        StorageThreads.Run(idle.Set);
        idle.Wait();
        await hop;
        return (before, Thread.CurrentThread.Name == "storage");
    }
}
