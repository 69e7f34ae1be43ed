using CsCheck;
using ImageIO.Core.Buffers;

namespace ImageIO.Tests.Buffers;

public sealed class BufferPoolTests
{
    private const int Unit = BufferPool.SmallestBuffer;

    [Theory]
    [InlineData(0)]
    [InlineData(Unit - 1)]
    public void A_ceiling_below_the_smallest_buffer_is_refused(long ceiling) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new BufferPool(ceiling));

    [Theory]
    [InlineData(1, Unit)]
    [InlineData(Unit, Unit)]
    [InlineData(Unit + 1, 2 * Unit)]
    [InlineData(3 * Unit, 4 * Unit)]
    public void A_buffer_is_the_next_power_of_two(int wanted, int given)
    {
        using var pool = new BufferPool(4 * Unit);
        Assert.True(pool.TryRent(wanted, out AlignedBuffer? buffer));
        using (buffer)
        {
            Assert.Equal(given, buffer.Length);
            Assert.Equal(given, pool.RentedBytes);
        }

        Assert.Equal(0, pool.RentedBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData((4 * Unit) + 1)]
    [InlineData(int.MaxValue)]
    public void A_length_that_can_never_be_served_is_refused_at_once(int length)
    {
        using var pool = new BufferPool(4 * Unit);

        Assert.Throws<ArgumentOutOfRangeException>(() => pool.TryRent(length, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = pool.RentAsync(length, default).AsTask(); });
    }

    [Fact]
    public void Kept_buffers_of_another_size_make_room_under_the_ceiling()
    {
        using var pool = new BufferPool(4 * Unit);
        AlignedBuffer[] small = [.. Enumerable.Range(0, 4).Select(_ => Take(pool, Unit))];
        Assert.False(pool.TryRent(1, out _));
        Array.ForEach(small, Return);

        using AlignedBuffer large = Take(pool, 4 * Unit);

        Assert.Equal(4 * Unit, pool.AllocatedBytes);
    }

    [Fact]
    public void An_idle_pool_keeps_no_more_than_one_MiB()
    {
        using var pool = new BufferPool(64 * Unit);
        AlignedBuffer[] all = [.. Enumerable.Range(0, 60).Select(_ => Take(pool, Unit))];
        Assert.Equal(60 * Unit, pool.AllocatedBytes);
        Array.ForEach(all, Return);

        Assert.Equal(0, pool.RentedBytes);
        Assert.Equal(1024 * 1024, pool.AllocatedBytes);
    }

    [Fact]
    public void A_disposed_pool_keeps_nothing_and_takes_back_what_was_out()
    {
        var pool = new BufferPool(4 * Unit);
        AlignedBuffer held = Take(pool, Unit);
        Return(Take(pool, Unit));
        pool.Dispose();
        Assert.Equal(Unit, pool.AllocatedBytes);

        Return(held);

        Assert.Equal(0, pool.AllocatedBytes);
    }

    [Fact(Timeout = 30_000)]
    public async Task Who_waits_first_is_served_first()
    {
        using var pool = new BufferPool(2 * Unit);
        AlignedBuffer a = Take(pool, Unit);
        AlignedBuffer b = Take(pool, Unit);
        Task<AlignedBuffer> large = pool.RentAsync(2 * Unit, default).AsTask();
        Task<AlignedBuffer> small = pool.RentAsync(Unit, default).AsTask();

        Return(a);
        Assert.False(large.IsCompleted);
        Assert.False(small.IsCompleted, "A small request overtook a large one, which could wait for ever");

        Return(b);
        Return(await large);
        Return(await small);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact(Timeout = 30_000)]
    public async Task Nobody_is_served_without_waiting_while_somebody_waits()
    {
        using var pool = new BufferPool(2 * Unit);
        AlignedBuffer held = Take(pool, Unit);
        Task<AlignedBuffer> waiting = pool.RentAsync(2 * Unit, default).AsTask();

        Assert.False(pool.TryRent(Unit, out _));

        Return(held);
        Return(await waiting);
        Return(Take(pool, Unit));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_cancelled_waiter_leaves_nothing_behind()
    {
        using var pool = new BufferPool(2 * Unit);
        AlignedBuffer held = Take(pool, Unit);
        using var gone = new CancellationTokenSource();
        Task<AlignedBuffer> waiting = pool.RentAsync(2 * Unit, gone.Token).AsTask();
        await gone.CancelAsync();
        await Assert.ThrowsAsync<TaskCanceledException>(() => waiting);

        Assert.True(pool.TryRent(Unit, out AlignedBuffer? free), "A waiter that is gone still holds its place in line");
        Return(free);
        Return(held);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact(Timeout = 30_000)]
    public async Task When_a_waiter_gives_up_those_behind_it_are_served()
    {
        using var pool = new BufferPool(2 * Unit);
        AlignedBuffer held = Take(pool, Unit);
        using var gone = new CancellationTokenSource();
        Task<AlignedBuffer> large = pool.RentAsync(2 * Unit, gone.Token).AsTask();
        Task<AlignedBuffer> small = pool.RentAsync(Unit, default).AsTask();

        await gone.CancelAsync();

        Return(await small);
        Return(held);
        await Assert.ThrowsAsync<TaskCanceledException>(() => large);
    }

    [Fact(Timeout = 30_000)]
    public async Task Who_comes_cancelled_gets_nothing_when_there_is_nothing()
    {
        using var pool = new BufferPool(Unit);
        AlignedBuffer held = Take(pool, Unit);

        await Assert.ThrowsAsync<TaskCanceledException>(
            () => pool.RentAsync(Unit, new CancellationToken(canceled: true)).AsTask());

        Return(held);
        Return(Take(pool, Unit));
    }

    [Fact(Timeout = 60_000)]
    public async Task Whatever_users_do_at_once_the_ceiling_holds_and_all_comes_back()
    {
        Gen<(int Size, bool GivesUp)[]> user = Gen.Select(Gen.Int[1, 8 * Unit], Gen.Bool).Array[1, 20];
        await user.Array[2, 6].SampleAsync(
            async users =>
            {
                using var pool = new BufferPool(8 * Unit);
                await Task.WhenAll(users.Select(requests => Task.Run(() => UseAsync(pool, requests))));

                Assert.Equal(0, pool.RentedBytes);
                Assert.InRange(pool.AllocatedBytes, 0, 1024 * 1024);
                Assert.True(pool.TryRent(8 * Unit, out AlignedBuffer? all));
                Return(all);
            },
            iter: 200,
            threads: 1);
    }

    private static async Task UseAsync(BufferPool pool, (int Size, bool GivesUp)[] requests)
    {
        foreach ((int size, bool givesUp) in requests)
        {
            using var cancel = new CancellationTokenSource();
            Task<AlignedBuffer> renting = pool.RentAsync(size, cancel.Token).AsTask();
            if (givesUp)
            {
                await cancel.CancelAsync();
            }

            try
            {
                using AlignedBuffer buffer = await renting;
                Assert.InRange(pool.AllocatedBytes, buffer.Length, pool.Ceiling);
                await Task.Yield();
            }
            catch (OperationCanceledException)
            {
                Assert.True(givesUp);
            }
        }
    }

    private static AlignedBuffer Take(BufferPool pool, int length)
    {
        Assert.True(pool.TryRent(length, out AlignedBuffer? buffer));
        return buffer;
    }

    private static void Return(AlignedBuffer buffer) => ((IDisposable)buffer).Dispose();
}
