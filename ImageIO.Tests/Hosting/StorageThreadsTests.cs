using ImageIO.Tests.Support;
using ImageIO.Web.Hosting;

namespace ImageIO.Tests.Hosting;

/// <summary>How many threads storage gets.</summary>
public sealed class StorageThreadsTests
{
    private readonly StorageThreads _threads = new(TimeSpan.FromMilliseconds(50));

    [Fact(Timeout = 20_000)]
    public async Task Calls_that_block_hold_up_no_other_call()
    {
        const int blocked = 100;
        using var release = new ManualResetEventSlim();
        Task[] stuck = [.. Enumerable.Range(0, blocked).Select(_ => BlockAsync(release))];

        // The runtime's pool would start one or two a second.
        await BlockAsync(release: null);

        Assert.DoesNotContain(stuck, call => call.IsCompleted);
        Assert.Equal(blocked + 1, _threads.Count);
        release.Set();
        await Task.WhenAll(stuck);
    }

    [Fact(Timeout = 60_000)]
    public async Task Work_beyond_the_most_threads_waits_for_its_turn_and_is_done()
    {
        using var release = new ManualResetEventSlim();
        Task[] stuck = [.. Enumerable.Range(0, StorageThreads.Most + 50).Select(_ => BlockAsync(release))];
        Task late = BlockAsync(release: null);

        await Eventually.HoldsAsync(() => _threads.Count == StorageThreads.Most, "all threads are there");
        Assert.False(late.IsCompleted, "There is no thread for it");
        release.Set();

        await Task.WhenAll(stuck);
        await late;
    }

    [Fact(Timeout = 60_000)]
    public async Task Work_that_does_not_block_is_done_by_a_few_threads()
    {
        var patient = new StorageThreads(TimeSpan.FromHours(1));
        using var done = new CountdownEvent(1000);
        for (int i = 0; i < 1000; i++)
        {
            patient.Run(() => done.Signal());
        }

        await Eventually.HoldsAsync(() => done.IsSet, "all of it is done");
        Assert.InRange(patient.Count, 1, StorageThreads.Few);
    }

    [Fact(Timeout = 60_000)]
    public async Task Work_from_many_threads_at_once_is_done_once_each()
    {
        const int Rounds = 20_000;
        int done = 0;

        await Parallel.ForEachAsync(Enumerable.Range(0, Rounds), async (_, _) =>
        {
            await RunAsync(() => Interlocked.Increment(ref done));
        });

        Assert.Equal(Rounds, done);
    }

    private Task BlockAsync(ManualResetEventSlim? release) => RunAsync(() => release?.Wait());

    private Task RunAsync(Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _threads.Run(() =>
        {
            work();
            done.SetResult();
        });
        return done.Task;
    }
}
