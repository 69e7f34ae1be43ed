using ImageIO.Backends.Block;
using ImageIO.Backends.File;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends;

/// <summary>Devices, beyond the contract of all backends.</summary>
[Trait("Needs", "Root")]
public sealed class BlockBackendTests : IAsyncLifetime
{
    private const int Timeout = 60_000;
    private const int Size = 4 * 1024 * 1024;

    private readonly BlockBackendFactory _factory = new(NullLogger<BlockBackendFactory>.Instance);
    private LoopDevice _device = null!;

    public async Task InitializeAsync()
    {
        if (LoopDevice.WhyNot is null)
        {
            _device = await LoopDevice.CreateAsync(Size);
        }
    }

    public async Task DisposeAsync()
    {
        if (_device is not null)
        {
            await _device.DisposeAsync();
        }
    }

    [SkippableTheory(Timeout = Timeout)]
    [InlineData(512)]
    [InlineData(4096)]
    public async Task Block_size_is_the_logical_sector_and_size_the_whole_device(int sectorSize)
    {
        Skip.If(LoopDevice.WhyNot is not null, LoopDevice.WhyNot);
        await using LoopDevice device = await LoopDevice.CreateAsync(3 * 4096, sectorSize);
        await using IBackend backend = await OpenAsync(device);
        Assert.Equal(sectorSize, backend.BlockSize);
        Assert.Equal(3 * 4096, backend.Size);
        Assert.False(backend.Capabilities.CanGrow);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Device_is_one_data_extent()
    {
        await using IBackend backend = await OpenAsync();
        List<Extent> extents = await backend.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None).ToListAsync();
        Assert.Equal([new Extent(new ByteRange(0, Size), ExtentFlags.None)], extents);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Device_that_somebody_holds_exclusively_opens_all_the_same()
    {
        Skip.If(LoopDevice.WhyNot is not null, LoopDevice.WhyNot);
        int held = Syscall.open(_device.Path, OpenFlags.O_RDONLY | OpenFlags.O_EXCL | OpenFlags.O_CLOEXEC);
        Assert.True(held >= 0);
        try
        {
            await using IBackend backend = await OpenAsync();
            await backend.WriteBytesAsync(new byte[512], 0);
        }
        finally
        {
            Assert.Equal(0, Syscall.close(held));
        }
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_file_URL_is_the_block_backends_exactly_if_it_is_a_device()
    {
        Skip.If(LoopDevice.WhyNot is not null, LoopDevice.WhyNot);
        var file = new FileBackendFactory();
        ImageUrl device = ImageUrl.Parse($"file://{_device.Path}");
        ImageUrl regular = ImageUrl.Parse($"file://{_device.BackingFile}");
        Assert.True(_factory.Accepts(device));
        Assert.False(file.Accepts(device));
        Assert.False(_factory.Accepts(regular));
        Assert.True(file.Accepts(regular));

        // It became something else between the look and the opening.
        TransferException e = await Assert.ThrowsAsync<TransferException>(
            async () => await _factory.OpenAsync(regular, new ImageAccess(Write: false), CancellationToken.None));
        Assert.Equal(TransferError.ImageUnavailable, e.Error);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Device_that_shrank_fails_reads_writes_and_zeroes_of_what_is_missing()
    {
        await using IBackend backend = await OpenAsync();
        await _device.ResizeAsync(Size / 2);
        Assert.Equal(Size, backend.Size);
        await AssertFailsAsync(() => backend.ReadBytesAsync(Size / 2, 4096));
        await AssertFailsAsync(() => backend.ReadBytesAsync((Size / 2) - 4096, 8192));
        await AssertFailsAsync(() => backend.WriteBytesAsync(new byte[4096], Size / 2));
        await AssertFailsAsync(() => backend.WriteBytesAsync(new byte[8192], (Size / 2) - 4096));
        foreach (ZeroMode mode in Enum.GetValues<ZeroMode>())
        {
            await AssertFailsAsync(() => backend.ZeroBytesAsync(Size / 2, 4096, mode));
            await AssertFailsAsync(() => backend.ZeroBytesAsync((Size / 2) - 4096, 8192, mode));
        }

        await backend.WriteBytesAsync(new byte[4096], (Size / 2) - 4096);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Deallocating_zero_gives_space_back_and_allocating_zero_keeps_it()
    {
        await using IBackend backend = await OpenAsync();
        for (int offset = 0; offset < Size; offset += 65536)
        {
            byte[] data = new byte[65536];
            Array.Fill(data, (byte)1);
            await backend.WriteBytesAsync(data, offset);
        }

        await backend.FlushAsync(CancellationToken.None);
        long full = await BackingBytesAsync();
        Assert.True(full >= Size);

        Assert.True(await backend.ZeroBytesAsync(0, Size / 2, ZeroMode.Allocate));
        await backend.FlushAsync(CancellationToken.None);
        Assert.True(await BackingBytesAsync() >= Size);
        Assert.All(await backend.ReadBytesAsync(0, 65536), value => Assert.Equal(0, value));

        Assert.True(await backend.ZeroBytesAsync(Size / 2, Size / 2, ZeroMode.Deallocate));
        await backend.FlushAsync(CancellationToken.None);
        Assert.InRange(await BackingBytesAsync(), 0, full - (Size / 2));
        Assert.All(await backend.ReadBytesAsync(Size / 2, 65536), value => Assert.Equal(0, value));
    }

    private static async Task AssertFailsAsync(Func<Task> call)
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(call);
        Assert.Equal(TransferError.StorageFailed, e.Error);
    }

    private async Task<long> BackingBytesAsync() =>
        512 * long.Parse(await SystemTool.RunAsync(
            "stat", "--format=%b", _device.BackingFile), System.Globalization.CultureInfo.InvariantCulture);

    private Task<IBackend> OpenAsync() => OpenAsync(_device);

    private async Task<IBackend> OpenAsync(LoopDevice? device)
    {
        Skip.If(LoopDevice.WhyNot is not null, LoopDevice.WhyNot);
        return await _factory.OpenAsync(
            ImageUrl.Parse($"file://{device!.Path}"), new ImageAccess(Write: true), CancellationToken.None);
    }
}
