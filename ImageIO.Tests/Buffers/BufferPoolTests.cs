using CsCheck;
using ImageIO.Core.Buffers;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Buffers;

/// <summary>The shared pool, which refuses but never makes anybody wait, and the small buffers beside it.</summary>
public sealed class BufferPoolTests
{
    private const int Unit = BufferPool.SmallBuffer;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);
    private readonly BufferShare _share = new(null);

    [Theory]
    [InlineData(0)]
    [InlineData(Unit - 1)]
    public void A_ceiling_below_a_small_buffer_is_refused(long ceiling) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new BufferPool(ceiling));

    [Theory]
    [InlineData(1, Unit)]
    [InlineData(Unit, Unit)]
    [InlineData(Unit + 1, 2 * Unit)]
    [InlineData(3 * Unit, 4 * Unit)]
    public void A_buffer_is_the_next_power_of_two(int wanted, int given)
    {
        using var pool = new BufferPool(8 * Unit);
        AlignedBuffer buffer = Take(pool, _share, wanted);
        Assert.Equal((given, given), (buffer.Length, pool.RentedBytes));

        Return(buffer);

        Assert.Equal((0, 0), (_share.Rented, pool.RentedBytes));
    }

    [Fact]
    public void One_user_gets_at_most_half_and_each_further_one_half_of_what_is_left()
    {
        using var pool = new BufferPool(64 * Unit);
        foreach (int expected in new[] { 32, 16, 8, 4, 2, 1 })
        {
            Assert.Equal(expected, TakeAll(pool, new BufferShare(null)).Count);
        }
    }

    [Fact]
    public void Images_on_one_storage_together_get_at_most_half()
    {
        using var pool = new BufferPool(64 * Unit);
        var hung = new BufferShare(null);

        int taken = Enumerable.Range(0, 100).Sum(_ => TakeAll(pool, new BufferShare(hung)).Count);

        Assert.Equal(32, taken);
        Assert.Equal(16, TakeAll(pool, new BufferShare(new BufferShare(null))).Count);
    }

    [Fact]
    public void A_small_buffer_is_never_refused()
    {
        using var pool = new BufferPool(2 * Unit);
        List<AlignedBuffer> all = TakeAll(pool, _share);

        AlignedBuffer[] small = [.. Enumerable.Range(0, 100).Select(_ => pool.Rent(_share, 4 * Unit))];

        Assert.All(small, buffer => Assert.Equal(Unit, buffer.Length));
        Assert.Equal((all.Count * Unit, 100 * Unit), (pool.RentedBytes, pool.SmallBytes));
        Array.ForEach(small, Return);
        Assert.Equal(0, pool.SmallBytes);
    }

    [Fact]
    public void Kept_buffers_of_another_size_make_room_under_the_ceiling()
    {
        using var pool = new BufferPool(8 * Unit);
        List<AlignedBuffer> held = TakeAll(pool, _share);
        held.ForEach(Return);

        using AlignedBuffer large = Take(pool, _share, 4 * Unit);

        Assert.InRange(pool.AllocatedBytes, 4 * Unit, 8 * Unit);
    }

    [Fact]
    public void An_idle_pool_keeps_no_more_than_one_MiB_of_each_kind()
    {
        using var pool = new BufferPool(128 * Unit);
        List<AlignedBuffer> all = TakeAll(pool, _share);
        all.AddRange(Enumerable.Range(0, 60).Select(_ => pool.RentSmall()));
        Assert.Equal((64 + 60) * Unit, pool.AllocatedBytes);

        all.ForEach(Return);

        Assert.Equal((0, 0), (pool.RentedBytes, pool.SmallBytes));
        Assert.Equal(2 * 1024 * 1024, pool.AllocatedBytes);
    }

    [Fact]
    public void A_disposed_pool_keeps_nothing_and_takes_back_what_was_out()
    {
        var pool = new BufferPool(4 * Unit);
        AlignedBuffer[] held = [Take(pool, _share, Unit), pool.RentSmall()];
        Return(pool.RentSmall());
        pool.Dispose();
        Assert.Equal(2 * Unit, pool.AllocatedBytes);

        Array.ForEach(held, Return);

        Assert.Equal(0, pool.AllocatedBytes);
    }

    [Fact]
    public void Buffers_that_a_slow_client_has_are_asked_for_when_another_is_refused()
    {
        var clock = new FakeTimeProvider();
        using var pool = new BufferPool(2 * Unit, clock);
        AlignedBuffer held = Take(pool, _share, Unit);
        int asked = 0;
        var loan = new Loan(() => asked++) { Since = clock.GetTimestamp(), Bytes = Unit };
        pool.LoanBegins(loan);

        Assert.False(pool.TryRent(_share, Unit, out _));
        Assert.Equal(0, asked);
        clock.Advance(Patience);
        Assert.False(pool.TryRent(_share, Unit, out _));
        Assert.Equal(1, asked);
        Assert.False(pool.TryRent(_share, Unit, out _));
        Assert.Equal(1, asked);

        Return(held);
        Return(Take(pool, _share, Unit));
        pool.LoanEnds(loan);
    }

    [Fact]
    public void No_more_is_asked_for_than_is_needed_and_nothing_of_a_client_that_has_moved()
    {
        var clock = new FakeTimeProvider();
        using var pool = new BufferPool(8 * Unit, clock);
        List<AlignedBuffer> held = TakeAll(pool, _share);
        var asked = new List<int>();
        Loan[] loans = [.. Enumerable.Range(0, 4).Select(
            i => new Loan(() => asked.Add(i)) { Since = clock.GetTimestamp(), Bytes = Unit })];
        Array.ForEach(loans, pool.LoanBegins);
        clock.Advance(Patience);
        pool.LoanEnds(loans[0]);

        Assert.False(pool.TryRent(_share, 2 * Unit, out _));

        Assert.Equal([1, 2], asked);
        held.ForEach(Return);
    }

    [Fact(Timeout = 60_000)]
    public async Task Whatever_users_do_at_once_the_ceiling_holds_and_all_comes_back()
    {
        Gen<int[]> user = Gen.Int[1, 8 * Unit].Array[1, 20];
        await user.Array[2, 6].SampleAsync(
            async users =>
            {
                using var pool = new BufferPool(8 * Unit);
                await Task.WhenAll(users.Select(
                    sizes => Task.Run(() => UseAsync(pool, new BufferShare(_share), sizes))));

                Assert.Equal((0, 0), (pool.RentedBytes, pool.SmallBytes));
                Assert.InRange(pool.AllocatedBytes, 0, 2 * 1024 * 1024);
                Return(Take(pool, _share, 4 * Unit));
            },
            iter: 200,
            threads: 1);
    }

    private static async Task UseAsync(BufferPool pool, BufferShare share, int[] sizes)
    {
        foreach (int size in sizes)
        {
            using AlignedBuffer buffer = pool.Rent(share, size);
            Assert.InRange(pool.RentedBytes, 0, pool.Ceiling);
            buffer.GetSpan()[^1] = 1;
            await Task.Yield();
        }
    }

    private static List<AlignedBuffer> TakeAll(BufferPool pool, BufferShare share)
    {
        var taken = new List<AlignedBuffer>();
        while (pool.TryRent(share, Unit, out AlignedBuffer? buffer))
        {
            taken.Add(buffer);
        }

        return taken;
    }

    private static AlignedBuffer Take(BufferPool pool, BufferShare share, int length)
    {
        Assert.True(pool.TryRent(share, length, out AlignedBuffer? buffer));
        return buffer;
    }

    private static void Return(AlignedBuffer buffer) => ((IDisposable)buffer).Dispose();
}
