using ImageIO.Tests.Support;
using ImageIO.Web.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Hosting;

/// <summary>The daemon's threads for storage.</summary>
public sealed class StorageThreadsTests
{
    private readonly StorageThreads _threads = new(NullLogger<StorageThreads>.Instance);

    [Fact(Timeout = 20_000)]
    public async Task A_thread_is_started_for_work_when_all_others_are_blocked()
    {
        const int Blocked = 100;
        using var release = new ManualResetEventSlim();
        Task[] stuck = [.. Enumerable.Range(0, Blocked).Select(_ => RunAsync(release.Wait))];

        // The runtime's pool would start one or two a second.
        await RunAsync(() => { });

        Assert.DoesNotContain(stuck, call => call.IsCompleted);
        Assert.Equal(Blocked + 1, _threads.Count);
        release.Set();
        await Task.WhenAll(stuck);
    }

    [Fact(Timeout = 20_000)]
    public async Task An_idle_thread_takes_work_and_none_is_started_that_may_not_be()
    {
        using var release = new ManualResetEventSlim();
        Task busy = RunAsync(release.Wait);

        Assert.False(_threads.TryRun(() => { }, mayStart: false));

        release.Set();
        await busy;
        using var done = new ManualResetEventSlim();
        await Eventually.HoldsAsync(() => _threads.TryRun(done.Set, mayStart: false), "the thread is idle");
        done.Wait();
        Assert.Equal(1, _threads.Count);
    }

    private Task RunAsync(Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.True(_threads.TryRun(
            () =>
            {
                work();
                done.SetResult();
            },
            mayStart: true));
        return done.Task;
    }
}
