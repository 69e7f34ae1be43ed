using ImageIO.Backends.File;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support.Storage;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends;

/// <summary>Regular files, beyond the contract of all backends: space, extents, full file systems.</summary>
public sealed class FileBackendStorageTests : IAsyncLifetime
{
    private const int Timeout = 60_000;
    private const long TiB = 1L << 40;

    private readonly FileBackendFactory _factory = new();
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"imageio-{Guid.NewGuid():N}.img");
    private IBackend _backend = null!;

    public async Task InitializeAsync()
    {
        await File.WriteAllBytesAsync(_path, []);
        _backend = await OpenAsync(_path);
    }

    public async Task DisposeAsync()
    {
        await _backend.DisposeAsync();
        File.Delete(_path);
    }

    [Fact(Timeout = Timeout)]
    public async Task Zeroing_past_the_end_never_cuts_off_what_a_writer_behind_it_adds()
    {
        // Not even if nothing excludes the two: another process, or a ticket that names the file differently.
        const int Block = 4096;
        byte[] data = new byte[Block];
        Array.Fill(data, (byte)7);
        for (int round = 0; round < 200; round++)
        {
            long start = 2L * round * Block;
            await Task.WhenAll(
                Task.Run(() => _backend.ZeroBytesAsync(start, Block, ZeroMode.Deallocate)),
                Task.Run(() => _backend.WriteBytesAsync(data, start + Block)));
            Assert.Equal(start + (2 * Block), _backend.Size);
            Assert.Equal(data, await _backend.ReadBytesAsync(start + Block, Block));
        }
    }

    [Fact(Timeout = Timeout)]
    public async Task Sparse_growth_takes_no_space_and_preallocated_growth_takes_all()
    {
        Assert.True(await _backend.ZeroBytesAsync(0, 1024 * 1024, ZeroMode.Deallocate));
        Assert.Equal(1024 * 1024, _backend.Size);
        Assert.Equal(0, SpaceOf(_path));
        Assert.True(await _backend.ZeroBytesAsync(1024 * 1024, 1024 * 1024, ZeroMode.Allocate));
        Assert.InRange(SpaceOf(_path), 1024 * 1024, 2 * 1024 * 1024);
    }

    [Fact(Timeout = Timeout)]
    public async Task Deallocating_zero_gives_space_back_and_allocating_zero_keeps_it()
    {
        byte[] data = new byte[65536];
        Array.Fill(data, (byte)1);
        for (int i = 0; i < 4; i++)
        {
            await _backend.WriteBytesAsync(data, i * data.Length);
        }

        await _backend.FlushAsync(CancellationToken.None);
        long full = SpaceOf(_path);
        Assert.True(await _backend.ZeroBytesAsync(0, 2 * data.Length, ZeroMode.Allocate));
        Assert.True(SpaceOf(_path) >= 4 * data.Length);
        Assert.True(await _backend.ZeroBytesAsync(2 * data.Length, 2 * data.Length, ZeroMode.Deallocate));
        Assert.InRange(SpaceOf(_path), 0, full - (2 * data.Length));
        Assert.All(await _backend.ReadBytesAsync(0, 65536), value => Assert.Equal(0, value));
        Assert.All(await _backend.ReadBytesAsync(3 * 65536, 65536), value => Assert.Equal(0, value));
    }

    [Fact(Timeout = Timeout)]
    public async Task Extents_of_a_TiB_with_a_thousand_pieces_of_data_lose_none_and_read_no_hole()
    {
        const int Pieces = 1000;
        const long Distance = TiB / Pieces / 65536 * 65536;
        byte[] data = new byte[65536];
        Array.Fill(data, (byte)1);
        using (SafeFileHandle file = File.OpenHandle(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            RandomAccess.SetLength(file, TiB);
            for (int piece = 0; piece < Pieces; piece++)
            {
                RandomAccess.Write(file, data, piece * Distance);
            }
        }

        List<Extent> extents = await _backend.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None).ToListAsync();
        Assert.Equal(
            Enumerable.Range(0, Pieces).Select(
                piece => new ByteRange(piece * Distance, (piece * Distance) + data.Length)),
            extents.Where(extent => extent.Flags == ExtentFlags.None).Select(extent => extent.Range));
        Assert.Equal(TiB, extents[^1].Range.End);
        Assert.Equal(TiB, extents.Sum(extent => extent.Range.Length));
    }

    [SkippableFact(Timeout = Timeout)]
    [Trait("Needs", "Root")]
    public async Task Full_file_system_is_reported_as_such_by_write_and_zero_and_what_was_written_stays()
    {
        var fileSystem = new SmallTmpfs();
        await fileSystem.InitializeAsync();
        try
        {
            await using IBackend backend = await OpenAsync(fileSystem.CreateFile(0));
            byte[] data = new byte[65536];
            Array.Fill(data, (byte)3);
            await backend.WriteBytesAsync(data, 0);
            TransferException zero = await Assert.ThrowsAsync<TransferException>(
                () => backend.ZeroBytesAsync(65536, 4 * 1024 * 1024, ZeroMode.Allocate));
            Assert.Equal(TransferError.StorageFull, zero.Error);
            TransferException write = await Assert.ThrowsAsync<TransferException>(async () =>
            {
                for (int i = 1; i < 64; i++)
                {
                    await backend.WriteBytesAsync(data, i * 65536L);
                }
            });
            Assert.Equal(TransferError.StorageFull, write.Error);
            Assert.Equal(data, await backend.ReadBytesAsync(0, 65536));
        }
        finally
        {
            await fileSystem.DisposeAsync();
        }
    }

    private static long SpaceOf(string path)
    {
        Assert.Equal(0, Syscall.stat(path, out Stat stat));
        return stat.st_blocks * 512;
    }

    private async Task<IBackend> OpenAsync(string path) =>
        await _factory.OpenAsync(
            ImageUrl.Parse($"file://{path}"), new ImageAccess(Write: true), CancellationToken.None);

    private sealed class SmallTmpfs() : MountedFileSystem("tmpfs", sizeMiB: 1);
}
