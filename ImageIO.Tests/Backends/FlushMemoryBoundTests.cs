using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Backends;

/// <summary>The memory of an image's unflushed writes is bounded, and never loses a byte for that.</summary>
public sealed class FlushMemoryBoundTests
{
    private const int Most = 64;

    private readonly FlushMemory _memory = new(() => Most);

    [Fact(Timeout = 30_000)]
    public async Task Scattered_writes_take_bounded_memory_and_are_all_lost_by_a_failed_flush()
    {
        const int Writes = 200_000;
        UnflushedWrites handle = _memory.Opened();
        for (int i = 0; i < Writes; i++)
        {
            Write(handle, ByteRange.At(1024L * i, 512));
            Assert.InRange(_memory.Ranges, 1, Most);
        }

        await FailAsync(handle);
        Assert.InRange(_memory.Ranges, 1, Most);

        // All of it must be written again, in any order.
        for (int i = Writes - 1; i > 0; i--)
        {
            Write(handle, ByteRange.At(1024L * i, 1024));
        }

        await AssertLostAsync(handle);
        Write(handle, ByteRange.At(0, 1024));
        await FlushAsync(handle);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task No_byte_that_was_lost_counts_as_written_before_it_is(int seed)
    {
        const int Blocks = 2000;
        var random = new Random(seed);
        UnflushedWrites handle = _memory.Opened();
        int[] blocks = [.. Enumerable.Range(0, Blocks).Where(_ => random.Next(3) == 0)];
        random.Shuffle(blocks);
        Array.ForEach(blocks, block => Write(handle, ByteRange.At(512L * block, 512)));
        await FailAsync(handle);

        random.Shuffle(blocks);
        foreach (int block in blocks[1..])
        {
            Write(handle, ByteRange.At(512L * block, 512));
        }

        await AssertLostAsync(handle);
        Write(handle, new ByteRange(0, 512L * Blocks));
        await FlushAsync(handle);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_flush_that_covers_one_handle_only_clears_nothing_of_the_others()
    {
        UnflushedWrites first = _memory.Opened();
        UnflushedWrites second = _memory.Opened();
        Write(first, new ByteRange(0, 512));
        await _memory.FlushAsync(second, coversAll: false, () => default, default);

        await FailAsync(first, coversAll: false);

        await AssertLostAsync(first);
        await AssertLostAsync(second);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_flush_that_covers_all_handles_clears_what_the_others_wrote_before_it()
    {
        UnflushedWrites first = _memory.Opened();
        UnflushedWrites second = _memory.Opened();
        Write(first, new ByteRange(0, 512));
        await FlushAsync(second);
        _memory.Closed(second);
        Assert.True(_memory.IsEmpty);

        await FailAsync(first);

        await FlushAsync(first);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_flushed_as_its_handle_closed_is_not_lost_by_a_later_failure(bool isDurable)
    {
        UnflushedWrites first = _memory.Opened();
        Write(first, new ByteRange(0, 512));
        _memory.Closed(first, isDurable);
        UnflushedWrites second = _memory.Opened();
        Write(second, new ByteRange(512, 1024));
        await FailAsync(second, coversAll: false);

        Write(second, new ByteRange(512, 1024));

        if (isDurable)
        {
            await FlushAsync(second);
        }
        else
        {
            await AssertLostAsync(second);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Flushes_of_two_handles_run_one_after_the_other()
    {
        UnflushedWrites first = _memory.Opened();
        UnflushedWrites second = _memory.Opened();
        Write(first, new ByteRange(0, 512));
        var running = new TaskCompletionSource();
        ValueTask failing = _memory.FlushAsync(first, coversAll: true, () => new ValueTask(running.Task), default);

        // By itself it succeeds; but the one that runs may just have been told of the loss, and the kernel tells it
        // once.
        ValueTask beside = FlushAsync(second);
        Assert.False(beside.IsCompleted);
        running.SetException(new TransferException(TransferError.StorageFailed, "for a test"));

        await Assert.ThrowsAsync<TransferException>(() => failing.AsTask());
        TransferException lost = await Assert.ThrowsAsync<TransferException>(() => beside.AsTask());
        Assert.Equal(TransferError.FlushLost, lost.Error);
    }

    private void Write(UnflushedWrites handle, ByteRange range) =>
        _memory.WriteEnds(handle, range, _memory.WriteStarts(handle, range));

    private ValueTask FlushAsync(UnflushedWrites handle) => _memory.FlushAsync(
        handle, coversAll: true, () => default, default);

    private async Task FailAsync(UnflushedWrites handle, bool coversAll = true) =>
        await Assert.ThrowsAsync<TransferException>(() => _memory.FlushAsync(
            handle, coversAll, () =>
                throw new TransferException(TransferError.StorageFailed, "for a test"), default).AsTask());

    private async Task AssertLostAsync(UnflushedWrites handle)
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(() => FlushAsync(handle).AsTask());
        Assert.Equal(TransferError.FlushLost, e.Error);
    }
}
