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

    // As a thread does that was put to sleep in between: by then the other has done all that it was given.
    private static async Task<(bool Before, bool After)> HopLateAsync()
    {
        bool before = PoolThread.SwitchAsync().IsCompleted;
        var hop = PoolThread.SwitchAsync();
        using var idle = new ManualResetEventSlim();
        StorageThreads.Shared.Run(idle.Set);
        idle.Wait();
        await hop;
        return (before, Thread.CurrentThread.Name == "storage");
    }
}
