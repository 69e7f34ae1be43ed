using ImageIO.Transport.Sockets;

namespace ImageIO.Tests.Listeners;

/// <summary>Waiting for a socket.</summary>
public sealed class SocketWaitTests
{
    private readonly SocketWait _wait = new(static () => { });

    public SocketWaitTests() => _wait.Arm();

    [Fact]
    public async Task Event_between_an_attempt_and_the_wait_ends_the_wait_at_once()
    {
        _wait.Signal(SocketEvents.Readable);

        Assert.True(_wait.HasHeard);
        await _wait.WaitAsync(SocketEvents.Readable, CancellationToken.None);
    }

    [Fact]
    public async Task Wait_ends_with_its_event_and_no_other()
    {
        ValueTask wait = _wait.WaitAsync(SocketEvents.Writable, CancellationToken.None);

        _wait.Signal(SocketEvents.Readable);
        Assert.False(wait.IsCompleted);
        _wait.Signal(SocketEvents.Writable);

        await wait;
    }

    // The second one would take the place of the first, which would never be woken.
    [Fact]
    public async Task Two_cannot_wait_at_once_and_the_first_is_not_disturbed()
    {
        ValueTask first = _wait.WaitAsync(SocketEvents.Readable, CancellationToken.None);

        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await _wait.WaitAsync(SocketEvents.Readable, CancellationToken.None));

        _wait.Signal(SocketEvents.Readable);
        await first;
        _wait.Arm();
        ValueTask next = _wait.WaitAsync(SocketEvents.Readable, CancellationToken.None);
        _wait.Signal(SocketEvents.Readable);
        await next;
    }

    [Fact(Timeout = 10_000)]
    public async Task Cancelled_wait_ends_and_another_may_follow()
    {
        using var cancel = new CancellationTokenSource();
        ValueTask wait = _wait.WaitAsync(SocketEvents.Readable, cancel.Token);

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await wait);

        ValueTask next = _wait.WaitAsync(SocketEvents.Readable, CancellationToken.None);
        _wait.Signal(SocketEvents.Readable);
        await next;
    }

    [Fact(Timeout = 60_000)]
    public async Task Events_from_many_threads_are_neither_lost_nor_told_twice()
    {
        const int Rounds = 20_000;
        int attempts = 0;
        Task waiter = Task.Run(async () =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                await _wait.WaitAsync(SocketEvents.Readable, CancellationToken.None);
                _wait.Arm();
                Interlocked.Increment(ref attempts);
            }
        });
        Task[] signals = [.. Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (!waiter.IsCompleted)
            {
                _wait.Signal(SocketEvents.Readable);
                await Task.Yield();
            }
        }))];

        await waiter;
        await Task.WhenAll(signals);

        Assert.Equal(Rounds, attempts);
    }
}
