using ImageIO.Backends.File;
using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
using ImageIO.Tests.Support.Storage;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends;

/// <summary>
/// The block size of a file is the sector size of the disk below it, whatever the file holds (issue 15, A7).
/// </summary>
[Trait("Needs", "Root")]
public sealed class FileBlockSizeTests
{
    private const int Size = 65536;

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("ext4", 512)]
    [InlineData("ext4", 4096)]
    [InlineData("xfs", 512)]
    [InlineData("xfs", 4096)]
    public async Task Unwritten_pages_in_the_cache_do_not_hide_large_sectors(string kind, int sector)
    {
        var fileSystem = new FileSystem(kind, sector);
        await fileSystem.InitializeAsync();
        try
        {
            string path = fileSystem.CreateFile(0);
            byte[] data = Bytes.Random(4096);
            await SystemTool.RunAsync("fallocate", "-l", "1M", path);
            await using (FileStream file = File.OpenWrite(path))
            {
                file.Position = 2 * 1024 * 1024;
                await file.WriteAsync(data);
                file.Flush(flushToDisk: true);
            }

            // Through the page cache: now it holds pages for which the disk has nothing.
            await File.ReadAllBytesAsync(path);

            await using IBackend backend = await new FileBackendFactory().OpenAsync(
                ImageUrl.Parse($"file://{path}"), new ImageAccess(Write: true), CancellationToken.None);

            Assert.Equal(sector, backend.BlockSize);
            using (var file = DirectFile.Open(path, write: false))
            {
                // The only way with a kernel before 6.1.
                Assert.Equal(sector, FileBlockSize.Probe(file));
            }

            Assert.Equal(data[..sector], await backend.ReadBytesAsync(2 * 1024 * 1024, sector));
        }
        finally
        {
            await fileSystem.DisposeAsync();
        }
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("ext4", 512)]
    [InlineData("xfs", 512)]
    public async Task A_file_that_holds_nothing_on_the_disk_is_not_probed(string kind, int sector)
    {
        var fileSystem = new FileSystem(kind, sector);
        await fileSystem.InitializeAsync();
        try
        {
            string path = fileSystem.CreateFile(Size);
            await SystemTool.RunAsync("fallocate", "-l", "32K", path);
            await File.ReadAllBytesAsync(path);
            using var file = DirectFile.Open(path, write: false);

            Assert.Equal(4096, FileBlockSize.Probe(file));
            Assert.Equal(sector, FileBlockSize.Detect(file));
        }
        finally
        {
            await fileSystem.DisposeAsync();
        }
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Small_blocks_that_are_refused_later_are_read_and_written_all_the_same()
    {
        using FuseStorage storage = FuseStorage.Mount();
        byte[] content = Bytes.Random(Size);
        FuseFile file = storage.AddFile("image", content);
        var factory = new FileBackendFactory();
        await using IBackend backend = await OpenAsync(factory, file);
        Assert.Equal(512, backend.BlockSize);
        storage.When(FuseOperation.Read, IsSmall).Fail(Errno.EINVAL);
        storage.When(FuseOperation.Write, IsSmall).Fail(Errno.EINVAL);

        Assert.Equal(content[512..2048], await backend.ReadBytesAsync(512, 1536));
        await RaceAsync(backend, content);

        // The next handle knows, as long as this one is open.
        await using (IBackend next = await OpenAsync(factory, file))
        {
            Assert.Equal(4096, next.BlockSize);
        }

        Assert.Equal(content, file.Content);
        await backend.DisposeAsync();
        storage.ForgetRules();
        await using IBackend fresh = await OpenAsync(factory, file);
        Assert.Equal(512, fresh.BlockSize);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task An_EINVAL_that_is_not_for_small_blocks_is_a_failure()
    {
        using FuseStorage storage = FuseStorage.Mount();
        FuseFile file = storage.AddFile("image", Bytes.Random(Size));
        await using IBackend backend = await OpenAsync(new FileBackendFactory(), file);
        storage.When(FuseOperation.Read).Fail(Errno.EINVAL);
        storage.When(FuseOperation.Write).Fail(Errno.EINVAL);

        foreach (int length in (int[])[4096, 512])
        {
            TransferException read = await Assert.ThrowsAsync<TransferException>(
                () => backend.ReadBytesAsync(0, length));
            TransferException write = await Assert.ThrowsAsync<TransferException>(
                () => backend.WriteBytesAsync(new byte[length], 0));
            Assert.Equal(TransferError.StorageFailed, read.Error);
            Assert.Equal(TransferError.StorageFailed, write.Error);
        }
    }

    private static bool IsSmall(FuseCall call) => call.IsDirect && (call.Offset % 4096 != 0 || call.Length % 4096 != 0);

    // Writers of small blocks beside each other in one large block, and of whole large blocks.
    private static async Task RaceAsync(IBackend backend, byte[] content)
    {
        const int Rounds = 20;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] next = Bytes.Random(3 * 4096);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(block => Task.Run(
                    () => backend.WriteBytesAsync(next[(512 * block)..(512 * (block + 1))], 512 * block)))
                .Append(Task.Run(() => backend.WriteBytesAsync(next[4096..], 4096))));
            next.CopyTo(content, 0);
            Assert.Equal(next, await backend.ReadBytesAsync(0, next.Length));
        }
    }

    private static async Task<IBackend> OpenAsync(FileBackendFactory factory, FuseFile file) => await factory.OpenAsync(
        ImageUrl.Parse($"file://{file.Path}"), new ImageAccess(Write: true), CancellationToken.None);

    private sealed class FileSystem(string kind, int sectorSize) : MountedFileSystem(kind, sectorSize: sectorSize);
}
