using ImageIO.Backends.File;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Operations;

/// <summary>Real trouble with a real file system: full, broken, and on a device with 4096-byte sectors.</summary>
[Trait("Needs", "Root")]
public sealed class SmallFileSystemTests
{
    private const int MiB = 1024 * 1024;

    [SkippableFact(Timeout = 60_000)]
    public async Task A_full_disk_is_reported_with_the_bytes_written_and_works_again_once_there_is_space()
    {
        await using LoopFileSystem small = await LoopFileSystem.CreateAsync(mebibytes: 8);
        string filler = Path.Combine(small.Path, "filler");
        await File.WriteAllBytesAsync(filler, Bytes.Random(4 * MiB));
        await using StorageImage storage = await CreateAsync(small, "image", new RingSettings(256 * 1024, 4));
        byte[] data = Bytes.Random(6 * MiB, 2);

        TransferException full = await Assert.ThrowsAsync<TransferException>(
            () => storage.WriteAsync(0, data, flush: true));

        Assert.Equal(TransferError.StorageFull, full.Error);
        Assert.NotNull(full.BytesDone);
        int done = (int)full.BytesDone.Value;
        Assert.InRange(done, MiB, data.Length - 1);
        Bytes.AssertEqual(data.AsSpan(0, done), storage.Content.AsSpan(0, done), "what was reported as written");

        File.Delete(filler);
        await storage.WriteAsync(0, data, flush: true);
        Bytes.AssertEqual(data, storage.Content, "after there was space again");
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Allocating_zeroes_on_a_full_disk_is_reported_and_deallocating_gives_the_space_back()
    {
        await using LoopFileSystem small = await LoopFileSystem.CreateAsync(mebibytes: 8);
        await using StorageImage storage = await CreateAsync(small, "image");

        TransferException full = await Assert.ThrowsAsync<TransferException>(() => storage.ZeroAsync(0, 64 * MiB));
        Assert.Equal(TransferError.StorageFull, full.Error);

        await storage.ZeroAsync(0, 64 * MiB, ZeroMode.Deallocate);
        await using StorageImage other = await CreateAsync(small, "other");
        await other.WriteAsync(0, Bytes.Random(4 * MiB), flush: true);
        Assert.Equal(64 * MiB, await storage.Image.GetSizeAsync());
    }

    // On ext4 fsync(2) answers EROFS from then on, which some libraries take for "nothing to do".
    [SkippableFact(Timeout = 60_000)]
    public async Task A_file_system_that_broke_down_fails_the_flush()
    {
        await using LoopFileSystem small = await LoopFileSystem.CreateAsync();
        await using StorageImage storage = await CreateAsync(small, "image");
        await storage.WriteAsync(0, Bytes.Random(5000));
        await small.AbortAsync();

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => new FlushOperation(storage.Image).RunAsync(CancellationToken.None));

        Assert.Equal(TransferError.StorageFailed, e.Error);
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(1)]
    [InlineData(512)]
    [InlineData(4095)]
    [InlineData(4096 + 512)]
    public async Task A_device_with_4096_byte_sectors_takes_any_offset_length_and_end_of_file(int size)
    {
        await using LoopFileSystem large = await LoopFileSystem.CreateAsync(mebibytes: 16, sectorSize: 4096);
        byte[] expected = Bytes.Random(size);
        string path = Path.Combine(large.Path, "image");
        await File.WriteAllBytesAsync(path, expected);
        IBackend backend = await new FileBackendFactory().OpenAsync(
            ImageUrl.Parse("file:" + path), new ImageAccess(Write: true), CancellationToken.None);
        Assert.Equal(4096, backend.BlockSize);
        await using StorageImage storage = StorageImage.On(backend, () => File.ReadAllBytes(path));

        foreach ((int offset, int length) in BlockEdges.Requests(4096))
        {
            byte[] data = Bytes.Random(length, offset + length);
            expected = Bytes.Written(expected, offset, data);
            await storage.WriteAsync(offset, data);
            byte[] read = await storage.ReadAsync(0, expected.Length);
            Bytes.AssertEqual(expected, read, $"after writing {length} bytes at {offset}");
        }

        Bytes.AssertEqual(expected, storage.Content, "content");
    }

    private static async Task<StorageImage> CreateAsync(LoopFileSystem system, string name, RingSettings? ring = null)
    {
        string path = Path.Combine(system.Path, name);
        await File.WriteAllBytesAsync(path, []);
        return StorageImage.On(
            StorageImage.OpenFile(path, 4096, new SharedFile()), () => File.ReadAllBytes(path), ring);
    }
}
