using ImageIO.Core.Backends;

namespace ImageIO.Tests.Backends;

/// <summary>Where code goes on after the hop to the pool.</summary>
public sealed class PoolThreadTests
{
    [Fact(Timeout = 20_000)]
    public async Task Who_hops_from_a_thread_of_its_own_goes_on_on_the_pool_however_late_it_awaits()
    {
        (bool before, bool after) = await Task.Factory
            .StartNew(HopLateAsync, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            .Unwrap();

        Assert.Equal((false, true), (before, after));
    }

    // As a thread does that was put to sleep in between: by then the pool has done all that it was given.
    private static async Task<(bool Before, bool After)> HopLateAsync()
    {
        bool before = Thread.CurrentThread.IsThreadPoolThread;
        var hop = PoolThread.SwitchAsync();
        using var idle = new ManualResetEventSlim();
        ThreadPool.QueueUserWorkItem(_ => idle.Set());
        idle.Wait();
        await hop;
        return (before, Thread.CurrentThread.IsThreadPoolThread);
    }
}
