using CsCheck;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Backends;

public sealed class RangeLockTests
{
    private readonly RangeLock _locks = new();

    [Fact(Timeout = 30_000)]
    public async Task Writers_of_whole_blocks_do_not_wait_for_each_other()
    {
        using RangeLock.Holder a = await _locks.AcquireAsync(new ByteRange(0, 10));
        using RangeLock.Holder b = await _locks.AcquireAsync(new ByteRange(5, 15));
    }

    [Theory(Timeout = 30_000)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Who_patches_a_block_excludes_everybody_else_from_it(bool firstPatches, bool secondPatches)
    {
        RangeLock.Holder a = await Acquire(firstPatches, new ByteRange(0, 10));
        Task<RangeLock.Holder> b = Acquire(secondPatches, new ByteRange(9, 20));
        Assert.False(b.IsCompleted);

        a.Dispose();
        (await b).Dispose();
    }

    [Fact(Timeout = 30_000)]
    public async Task Neighbours_do_not_wait_for_each_other()
    {
        using RangeLock.Holder a = await Acquire(patches: true, new ByteRange(0, 10));
        using RangeLock.Holder b = await Acquire(patches: true, new ByteRange(10, 20));
    }

    [Fact(Timeout = 30_000)]
    public async Task Nobody_overtakes_an_earlier_request_that_it_conflicts_with()
    {
        RangeLock.Holder running = await _locks.AcquireAsync(new ByteRange(0, 10));
        Task<RangeLock.Holder> patch = Acquire(patches: true, new ByteRange(5, 15));
        Task<RangeLock.Holder> late = Acquire(patches: false, new ByteRange(10, 20));
        Task<RangeLock.Holder> elsewhere = Acquire(patches: true, new ByteRange(20, 30));

        Assert.True(elsewhere.IsCompletedSuccessfully, "It conflicts with nobody");
        Assert.False(late.IsCompleted, "A stream of whole-block writers would starve the one that patches");

        running.Dispose();
        RangeLock.Holder patching = await patch;
        Assert.False(late.IsCompleted);
        patching.Dispose();
        (await late).Dispose();
    }

    [Fact(Timeout = 30_000)]
    public async Task A_request_takes_all_its_parts_or_none()
    {
        RangeLock.Holder running = await Acquire(patches: true, new ByteRange(20, 30));
        Task<RangeLock.Holder> both = _locks
            .AcquireAsync(new ByteRange(10, 20), new ByteRange(0, 10), new ByteRange(20, 30)).AsTask();
        Assert.False(both.IsCompleted);

        // In line but not holding: the first part is not locked, so the holder of the second can still take the first.
        running.Dispose();
        RangeLock.Holder held = await both;
        Task<RangeLock.Holder>[] others =
        [
            Acquire(patches: false, new ByteRange(0, 1)),
            Acquire(patches: true, new ByteRange(15, 16)),
            Acquire(patches: false, new ByteRange(29, 30)),
        ];
        Assert.All(others, other => Assert.False(other.IsCompleted));

        held.Dispose();
        foreach (Task<RangeLock.Holder> other in others)
        {
            (await other).Dispose();
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Any_requests_at_once_all_get_their_turn_and_never_meet()
    {
        Gen<ByteRange> part = Gen.Select(Gen.Int[0, 15], Gen.Int[0, 6]).Select(
            (start, length) => ByteRange.At(start, length));
        await Gen.Select(part, part, part).Array[2, 30].SampleAsync(
            async requests =>
            {
                var locks = new RangeLock();
                int[] patching = new int[32];
                int[] writing = new int[32];
                await Task.WhenAll(requests.Select(request => Task.Run(async () =>
                {
                    (ByteRange shared, ByteRange first, ByteRange second) = request;
                    using RangeLock.Holder held = await locks.AcquireAsync(shared, first, second);
                    int[] patched = [.. Blocks(first).Union(Blocks(second))];
                    int[] written = [.. Blocks(shared).Except(patched)];
                    Array.ForEach(patched, block => Assert.Equal(1, Interlocked.Increment(ref patching[block])));
                    Array.ForEach(written, block => Interlocked.Increment(ref writing[block]));
                    await Task.Yield();
                    Assert.All(patched, block => Assert.Equal((1, 0), (patching[block], writing[block])));
                    Assert.All(written, block => Assert.Equal(0, patching[block]));
                    Array.ForEach(patched, block => Interlocked.Decrement(ref patching[block]));
                    Array.ForEach(written, block => Interlocked.Decrement(ref writing[block]));
                })));
            },
            iter: 300,
            threads: 1);
    }

    private static IEnumerable<int> Blocks(ByteRange range) => Enumerable.Range((int)range.Start, (int)range.Length);

    private Task<RangeLock.Holder> Acquire(bool patches, ByteRange range) =>
        patches ? _locks.AcquireAsync(default, range).AsTask() : _locks.AcquireAsync(range).AsTask();
}
