using ImageIO.Backends.File;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Operations;

public sealed class ZeroOperationTests
{
    private const int MiB = 1024 * 1024;

    public static TheoryData<StorageKind, int, int> Images => BlockEdges.Images();

    [SkippableTheory(Timeout = 60_000)]
    [MemberData(nameof(Images))]
    public async Task Any_range_reads_as_zeroes_and_no_other_byte_changes(StorageKind kind, int block, int size)
    {
        foreach (ZeroMode mode in Enum.GetValues<ZeroMode>())
        {
            byte[] expected = Bytes.Random(size);
            await using StorageImage storage = await StorageImage.CreateAsync(kind, block, expected);
            foreach ((int offset, int length) in BlockEdges.Requests(block))
            {
                // Data again first, or after a few requests everything would be zero already.
                byte[] data = Bytes.Random(expected.Length, offset + length);
                expected = Bytes.Written(data, offset, new byte[length]);

                await storage.WriteAsync(0, data);
                await storage.ZeroAsync(offset, length, mode);

                Bytes.AssertEqual(expected, storage.Content, $"after {mode} of {length} bytes at {offset}");
            }
        }
    }

    [Theory(Timeout = 60_000)]
    [InlineData(512, true)]
    [InlineData(512, false)]
    [InlineData(4096, true)]
    [InlineData(4096, false)]
    public async Task Zeroes_are_written_where_the_storage_cannot_zero(int block, bool refusesWhenAsked)
    {
        byte[] expected = Bytes.Random((4 * block) + 1);
        var memory = new MemoryBackend(block, expected)
        {
            RefusesZero = refusesWhenAsked,
            Capabilities = new() { CanWrite = true, CanGrow = true, CanZero = refusesWhenAsked },
        };
        await using StorageImage storage = StorageImage.On(memory);
        foreach ((int offset, int length) in BlockEdges.Requests(block).Append((1, 50_000)))
        {
            byte[] data = Bytes.Random(expected.Length, offset + length);
            expected = Bytes.Written(data, offset, new byte[length]);

            await storage.WriteAsync(0, data);
            await storage.ZeroAsync(offset, length);

            Bytes.AssertEqual(expected, storage.Content, $"after zeroing {length} bytes at {offset}");
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Deallocating_gives_space_back_and_allocating_keeps_it()
    {
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.File, 512, Bytes.Random(4 * MiB));

        await storage.ZeroAsync(0, MiB, ZeroMode.Allocate);
        Assert.InRange(AllocatedBytes(storage.Path), 4 * MiB, long.MaxValue);

        await storage.ZeroAsync(MiB, 2 * MiB, ZeroMode.Deallocate);
        Assert.InRange(AllocatedBytes(storage.Path), 2 * MiB, (2 * MiB) + 65536);
        Assert.Equal(4 * MiB, await storage.Image.GetSizeAsync());
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Past_the_end_deallocating_stays_sparse_and_allocating_takes_the_space()
    {
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.File, 4096, Bytes.Random(100));

        await storage.ZeroAsync(100, (4 * MiB) - 100, ZeroMode.Deallocate);
        Assert.Equal(4 * MiB, await storage.Image.GetSizeAsync());
        Assert.InRange(AllocatedBytes(storage.Path), 1, 65536);

        await storage.ZeroAsync(4 * MiB, 2 * MiB, ZeroMode.Allocate);
        Assert.Equal(6 * MiB, await storage.Image.GetSizeAsync());
        Assert.InRange(AllocatedBytes(storage.Path), 2 * MiB, 3 * MiB);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task A_huge_range_is_zeroed_in_steps_of_at_most_128_MiB()
    {
        long length = (300L * MiB) + 1;
        await using StorageImage file = await StorageImage.CreateAsync(StorageKind.File, 512, []);
        FileBackend backend = StorageImage.OpenFile(file.Path, 512, new SharedFile());
        var counted = new FaultyBackend(backend);
        await using StorageImage storage = StorageImage.On(counted, () => []);
        var operation = new ZeroOperation(storage.Image, 0, length, long.MaxValue, ZeroMode.Deallocate, flush: true);

        await operation.RunAsync(CancellationToken.None);

        Assert.Equal(3, counted.Count(BackendCall.Zero));
        Assert.Equal(1, counted.Count(BackendCall.Flush));
        Assert.Equal(length, operation.Done);
        Assert.Equal(length, await storage.Image.GetSizeAsync());
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Cancel_and_progress_work_between_steps()
    {
        await using StorageImage file = await StorageImage.CreateAsync(StorageKind.File, 512, []);
        var faulty = new FaultyBackend(StorageImage.OpenFile(file.Path, 512, new SharedFile()));
        await using StorageImage storage = StorageImage.On(faulty, () => []);
        Held second = faulty.Hold(BackendCall.Zero, 2);
        var operation = new ZeroOperation(
            storage.Image, 0, 1024L * MiB, long.MaxValue, ZeroMode.Deallocate, flush: true);

        Task running = operation.RunAsync(CancellationToken.None);
        await second.Arrived;
        Assert.Equal(128 * MiB, operation.Done);
        operation.Cancel();
        second.Release();

        await Assert.ThrowsAsync<OperationCanceledException>(() => running);
        Assert.Equal(256 * MiB, operation.Done);
        Assert.Equal(2, faulty.Count(BackendCall.Zero));
        Assert.Equal(0, faulty.Count(BackendCall.Flush));
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task At_the_end_of_the_number_line_the_storage_refuses_and_nothing_crashes()
    {
        // The last block whose end is still a number; the ticket reaches further.
        const long Last = long.MaxValue - 4095;
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.File, 4096, []);

        foreach (long offset in new[] { Last - 1, Last - 4096, Last - 4097, Last - (300L * MiB) })
        {
            TransferException zero = await Assert.ThrowsAsync<TransferException>(
                () => storage.ZeroAsync(offset, Last - offset));
            TransferException write = await Assert.ThrowsAsync<TransferException>(
                () => storage.WriteAsync(offset, [1]));
            TransferException past = await Assert.ThrowsAsync<TransferException>(
                () => storage.ZeroAsync(offset, long.MaxValue - offset));

            Assert.True(zero.Error is TransferError.StorageFull or TransferError.StorageFailed, zero.Message);
            Assert.True(write.Error is TransferError.StorageFull or TransferError.StorageFailed, write.Message);
            Assert.Equal((TransferError.RangeNotSatisfiable, Last), (past.Error, past.Limit));
        }

        Assert.Equal(0, await storage.Image.GetSizeAsync());
    }

    [Theory]
    [InlineData(0, 1001)]
    [InlineData(1001, 0)]
    [InlineData(long.MaxValue, long.MaxValue)]
    public async Task A_range_past_the_ticket_is_refused_before_anything_happens(long offset, long length)
    {
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.Memory, 512, []);

        TransferException e = Assert.Throws<TransferException>(
            () => new ZeroOperation(storage.Image, offset, length, 1000, ZeroMode.Allocate, flush: false));

        Assert.Equal(TransferError.RangeNotSatisfiable, e.Error);
    }

    [Fact]
    public async Task A_range_past_a_fixed_size_is_refused_before_anything_happens()
    {
        var memory = new MemoryBackend(512, new byte[1000])
        {
            Capabilities = new() { CanWrite = true, CanZero = true },
        };
        await using StorageImage storage = StorageImage.On(memory);

        TransferException e = Assert.Throws<TransferException>(
            () => new ZeroOperation(storage.Image, 999, 2, 5000, ZeroMode.Allocate, flush: false));

        Assert.Equal(1000, e.Limit);
    }

    [Fact]
    public async Task An_image_that_cannot_be_written_refuses_before_anything_happens()
    {
        var memory = new MemoryBackend(512, new byte[1000]) { Capabilities = new() { CanZero = true } };
        await using StorageImage storage = StorageImage.On(memory);

        TransferException e = Assert.Throws<TransferException>(
            () => new ZeroOperation(storage.Image, 0, 1, 1000, ZeroMode.Allocate, flush: true));

        Assert.Equal(TransferError.NotSupported, e.Error);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_full_disk_is_reported_with_the_bytes_zeroed_before()
    {
        var faulty = new FaultyBackend(new MemoryBackend(512));
        faulty.Fail(BackendCall.Zero, 1, TransferError.StorageFull);
        await using StorageImage storage = StorageImage.On(faulty, () => []);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => storage.ZeroAsync(100, 5000));

        Assert.Equal(TransferError.StorageFull, e.Error);
        Assert.Equal(412, e.BytesDone);
    }

    [Fact(Timeout = 30_000)]
    public async Task Nobody_writes_behind_a_zero_that_grows_the_image_until_it_is_done()
    {
        var faulty = new FaultyBackend(new MemoryBackend(512));
        await using StorageImage storage = StorageImage.On(faulty, () => []);
        Held zero = faulty.Hold(BackendCall.Zero, 1);

        Task zeroing = storage.ZeroAsync(0, 1024, ZeroMode.Deallocate);
        await zero.Arrived;
        Task writing = storage.WriteAsync(4096, Bytes.Random(512));

        // A backend that sets the new size after a look at the old one would cut this write off.
        Assert.Equal(0, faulty.Count(BackendCall.Write));
        zero.Release();
        await Task.WhenAll(zeroing, writing);
        Assert.Equal(4608, await storage.Image.GetSizeAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task Zeroing_inside_the_image_holds_nobody_up()
    {
        var faulty = new FaultyBackend(new MemoryBackend(512, Bytes.Random(8192)));
        await using StorageImage storage = StorageImage.On(faulty, () => []);
        Held zero = faulty.Hold(BackendCall.Zero, 1);

        Task zeroing = storage.ZeroAsync(0, 1024);
        await zero.Arrived;
        await storage.WriteAsync(4096, Bytes.Random(512));

        zero.Release();
        await zeroing;
    }

    private static long AllocatedBytes(string path)
    {
        Assert.Equal(0, Syscall.stat(path, out Stat stat));
        return stat.st_blocks * 512;
    }
}
