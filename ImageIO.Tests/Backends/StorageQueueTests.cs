using ImageIO.Core.Backends;
using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Backends;

/// <summary>How images share the storage threads (issue 15, B9). Calls that a test does not run hang.</summary>
public sealed class StorageQueueTests
{
    private const int Most = 512;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);
    private readonly FakeTimeProvider _clock = new();
    private readonly ScriptedThreads _threads = new(Most);
    private readonly StorageQueue _queue;
    private readonly List<string> _done = [];

    public StorageQueueTests() => _queue = new StorageQueue(_threads, _clock, Patience);

    [Fact]
    public void One_image_whose_calls_hang_gets_a_ninth_of_the_threads()
    {
        StorageShare hung = Calls(200);

        Assert.Equal(57, hung.Busy);
        Assert.Equal(200 - 57, _queue.Waiting);
    }

    [Theory]
    [InlineData(30, 200)]
    [InlineData(120, 4)]
    [InlineData(200, 2)]
    [InlineData(500, 1)]
    public void Many_images_hang_and_another_one_gets_a_thread_at_once(int images, int calls)
    {
        var hung = new List<StorageShare>();
        for (int i = 0; i < images; i++)
        {
            hung.Add(Calls(calls));
            _clock.Advance(Patience);
        }

        Assert.All(hung, share => Assert.InRange(share.Busy, 1, 57));

        StorageShare other = Calls(1);

        Assert.Equal(1, other.Busy);
    }

    [Fact]
    public void Threads_that_are_given_back_go_to_the_images_in_turn()
    {
        StorageShare first = Calls(100, "first");
        StorageShare second = Calls(100, "second");
        StorageShare third = Calls(100, "third");
        while (_queue.Busy > 0)
        {
            _threads.RunOne();
        }

        Assert.Equal(300, _done.Count);
        Assert.Equal((0, 0, 0), (first.Busy, second.Busy, third.Busy));
        // Each had calls that waited; none was served only after all those of another.
        Assert.InRange(_done.IndexOf("third"), 0, 199);
    }

    [Fact]
    public void Calls_beyond_the_few_wait_for_an_idle_thread_and_get_one_of_their_own_after_a_moment()
    {
        StorageShare[] quick = [.. Enumerable.Range(0, StorageQueue.Few).Select(_ => Calls(1))];
        StorageShare another = Calls(1);

        Assert.Equal(0, another.Busy);
        Assert.True(_threads.WasToldNotToStart);
        _clock.Advance(Patience);
        Assert.Equal(1, another.Busy);
        Assert.All(quick, share => Assert.Equal(1, share.Busy));
    }

    [Fact]
    public void Calls_that_hang_do_not_count_as_the_few()
    {
        _ = Enumerable.Range(0, StorageQueue.Few).Select(_ => Calls(1)).ToArray();
        _clock.Advance(Patience);

        Assert.Equal(1, Calls(1).Busy);
    }

    [Fact]
    public void A_call_takes_over_the_thread_of_one_that_is_done()
    {
        StorageShare share = Calls(58);
        Assert.Equal(1, _queue.Waiting);

        _threads.RunOne();

        Assert.Equal(["call", "call"], _done);
        Assert.Equal(0, _queue.Waiting);
        Assert.Equal(56, share.Busy);
    }

    // Issue 15, B12: a refused thread aborted the process.
    [Fact]
    public void A_call_that_gets_no_thread_waits_and_gets_one_when_the_system_gives_it()
    {
        _threads.Refuses = true;
        StorageShare share = Calls(2);
        _clock.Advance(Patience);
        Assert.Equal((0, 2), (share.Busy, _queue.Waiting));

        _threads.Refuses = false;
        _clock.Advance(Patience);

        Assert.Equal((2, 0), (share.Busy, _queue.Waiting));
        _threads.RunOne();
        _threads.RunOne();
        Assert.Equal(2, _done.Count);
    }

    [Fact]
    public void A_thread_that_is_refused_does_not_hold_up_those_that_there_are()
    {
        StorageShare running = Calls(1, "running");
        _threads.Refuses = true;
        Calls(1, "waiting");

        _threads.RunOne();

        Assert.Equal(["running", "waiting"], _done);
        Assert.Equal(0, running.Busy);
    }

    [Theory(Timeout = 20_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_leaves_takes_its_waiting_call_out_of_the_queue(bool before)
    {
        StorageShare share = Calls(57);
        using var client = new CancellationTokenSource();
        if (before)
        {
            await client.CancelAsync();
        }

        Task waiting = HopAsync(share, client.Token);
        await client.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, _queue.Waiting);
        Assert.Equal(57, share.Busy);
    }

    [Fact(Timeout = 20_000)]
    public async Task A_client_that_leaves_while_the_system_refuses_a_thread_takes_its_call_out_of_the_queue()
    {
        _threads.Refuses = true;
        using var client = new CancellationTokenSource();
        Task waiting = HopAsync(new StorageShare(_queue), client.Token);
        Assert.Equal(1, _queue.Waiting);

        _threads.Refused = client.Cancel;
        _clock.Advance(Patience);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, _queue.Waiting);
    }

    private static async Task HopAsync(StorageShare share, CancellationToken cancellationToken) =>
        await StorageThread.SwitchAsync(share, cancellationToken);

    // An image with so many calls.
    private StorageShare Calls(int count, string name = "call")
    {
        var share = new StorageShare(_queue);
        for (int i = 0; i < count; i++)
        {
            _queue.Run(share, () => _done.Add(name), default);
        }

        // Those that were started long ago are no longer few.
        for (int i = 0; i < 10 && _queue.Waiting > 0 && count > 1; i++)
        {
            _clock.Advance(Patience);
        }

        return share;
    }
}
