using ImageIO.Backends.Block;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Formats.Qcow2;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Formats;

/// <summary>qcow2 images that we make, judged by qemu-img (issue 19, 3).</summary>
[Trait("Needs", "Qemu")]
public sealed class Qcow2WriterTests : IDisposable
{
    private const int Size = 5_000_192;

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(Qcow2Compression.None, 65536)]
    [InlineData(Qcow2Compression.None, 512)]
    [InlineData(Qcow2Compression.None, 2097152)]
    [InlineData(Qcow2Compression.Zlib, 65536)]
    [InlineData(Qcow2Compression.Zlib, 4096)]
    [InlineData(Qcow2Compression.Zstd, 65536)]
    [InlineData(Qcow2Compression.Zstd, 1048576)]
    public async Task Random_writes_and_zeroes_at_once_make_an_image_without_fault(
        Qcow2Compression compression, int cluster)
    {
        QemuImg.Require();
        byte[] model = new byte[Size];
        var random = new Random(cluster + (int)compression);
        string file = _directory.Create("image.qcow2", []);
        // Fewer tables in memory than there are, where clusters are small.
        var options = new Qcow2WriterOptions
        {
            VirtualSize = Size,
            ClusterSize = cluster,
            Compression = compression,
            TableCacheBytes = 0,
        };
        await using (Qcow2Writer writer = await CreateAsync(file, options))
        {
            for (int round = 0; round < 8; round++)
            {
                // Four writers, each in its own quarter, as the rules of a copy keep them.
                await Task.WhenAll(
                    Enumerable.Range(0, 4).Select(quarter => ChangeAsync(writer, model, quarter, random.Next())));
            }

            byte[] soFar = await FormatFiles.ReadAllAsync(writer);
            Bytes.AssertEqual(model, soFar, "read while writing");
            await writer.CompleteAsync(CancellationToken.None);
        }

        await AssertIsAsync(model, file);
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData(0L)]
    [InlineData(512L)]
    [InlineData(1L << 40)]
    public async Task Image_of_any_size_to_which_nothing_was_written_is_an_image(long size)
    {
        QemuImg.Require();
        string file = _directory.Create("image.qcow2", []);
        await using (Qcow2Writer writer = await CreateAsync(file, new Qcow2WriterOptions { VirtualSize = size }))
        {
            await writer.CompleteAsync(CancellationToken.None);
        }

        await QemuImg.CheckAsync(file);
        Assert.Contains($"\"virtual-size\": {size}", await QemuImg.RunAsync(
            "info", "--output=json", file), StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task What_was_not_completed_is_no_qcow2_image()
    {
        string file = _directory.Create("image.qcow2", []);
        await using (Qcow2Writer writer = await CreateAsync(file, new Qcow2WriterOptions { VirtualSize = Size }))
        {
            await writer.WriteAsync(Bytes.Random(100_000), 0, CancellationToken.None);
            await writer.FlushAsync(CancellationToken.None);
        }

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => FormatFiles.OpenChainAsync(file).AsTask());

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(Qcow2Compression.None, 65536)]
    [InlineData(Qcow2Compression.None, 512)]
    [InlineData(Qcow2Compression.Zlib, 4096)]
    public async Task What_was_flushed_before_a_crash_is_there_when_the_image_is_gone_on_with(
        Qcow2Compression compression, int cluster)
    {
        QemuImg.Require();
        byte[] model = new byte[Size];
        string file = _directory.Create("image.qcow2", []);
        var options = new Qcow2WriterOptions
        {
            VirtualSize = Size,
            ClusterSize = cluster,
            Compression = compression,
            TableCacheBytes = 0,
        };
        string crashed = _directory.File("crashed.qcow2");
        await using (Qcow2Writer writer = await CreateAsync(file, options))
        {
            Bytes.Random(1_000_001).CopyTo(model, 3_000_000);
            await writer.WriteAsync(model.AsMemory(3_000_000, 1_000_001), 3_000_000, CancellationToken.None);
            await writer.FlushAsync(CancellationToken.None);
            // Not flushed: these bytes may be there or not, and must not harm the others.
            await writer.WriteAsync(Bytes.Random(700_000, seed: 2), 1_000_000, CancellationToken.None);
            File.Copy(file, crashed);
        }

        await using (Qcow2Writer writer = await Qcow2Writer.ContinueAsync(
            await FormatFiles.OpenAsync(crashed, write: true), options, CancellationToken.None))
        {
            byte[] rest = Bytes.Random(3_000_000, seed: 3);
            rest.CopyTo(model, 0);
            await writer.WriteAsync(rest, 0, CancellationToken.None);
            await writer.ZeroAsync(4_000_001, Size - 4_000_001, ZeroMode.Deallocate, CancellationToken.None);
            await writer.CompleteAsync(CancellationToken.None);
        }

        await AssertIsAsync(model, crashed);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("another size")]
    [InlineData("another compression")]
    [InlineData("cut")]
    [InlineData("empty")]
    [InlineData("table")]
    public async Task What_is_no_image_that_was_begun_is_not_gone_on_with(string lie)
    {
        string file = _directory.Create("image.qcow2", []);
        var options = new Qcow2WriterOptions { VirtualSize = Size };
        await using (Qcow2Writer writer = await CreateAsync(file, options))
        {
            await writer.WriteAsync(Bytes.Random(1_000_000), 0, CancellationToken.None);
            await writer.FlushAsync(CancellationToken.None);
        }

        using (var stream = new FileStream(file, FileMode.Open))
        {
            switch (lie)
            {
                case "cut":
                    stream.SetLength(stream.Length - 65536);
                    break;
                case "empty":
                    stream.SetLength(0);
                    break;
                case "table":
                    stream.Position = 65536 + 1;
                    stream.WriteByte(0x7f);
                    break;
            }
        }

        options = lie switch
        {
            "another size" => options with { VirtualSize = Size + 512 },
            "another compression" => options with { Compression = Qcow2Compression.Zstd },
            _ => options,
        };
        TransferException e = await Assert.ThrowsAsync<TransferException>(async () => await Qcow2Writer.ContinueAsync(
            await FormatFiles.OpenAsync(file, write: true), options, CancellationToken.None));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Over_a_backing_file_parts_of_clusters_are_filled_from_it_and_zeroes_hide_it()
    {
        QemuImg.Require();
        byte[] model = Bytes.Random(1_000_000);
        string lower = _directory.Create("base.raw", model);
        string file = _directory.Create("image.qcow2", []);
        await using IBackend backing = await FormatFiles.OpenAsync(lower);
        await using (Qcow2Writer writer = await CreateAsync(file, new Qcow2WriterOptions
        {
            VirtualSize = model.Length,
            BackingFile = "base.raw",
            BackingFormat = "raw",
            Backing = backing,
        }))
        {
            byte[] data = Bytes.Random(1000, seed: 2);
            await writer.WriteAsync(data, 70_000, CancellationToken.None);
            data.CopyTo(model, 70_000);
            await writer.ZeroAsync(200_000, 300_000, ZeroMode.Deallocate, CancellationToken.None);
            model.AsSpan(200_000, 300_000).Clear();
            await writer.CompleteAsync(CancellationToken.None);
        }

        await AssertIsAsync(model, file);
    }

    [SkippableFact(Timeout = 30_000)]
    [Trait("Needs", "Root")]
    public async Task On_a_device_full_of_old_bytes_the_image_is_what_was_written()
    {
        QemuImg.Require();
        Skip.If(LoopDevice.WhyNot is not null, LoopDevice.WhyNot);
        await using LoopDevice device = await LoopDevice.CreateOnAsync(
            _directory.Create("device", Bytes.Random(8 * 1024 * 1024)));
        byte[] model = new byte[Size];
        IBackend file = await new BlockBackendFactory(
            Microsoft.Extensions.Logging.Abstractions.NullLogger<BlockBackendFactory>.Instance)
            .OpenAsync(ImageUrl.Parse($"file:{device.Path}"), new ImageAccess(Write: true), CancellationToken.None);
        await using (Qcow2Writer writer = await Qcow2Writer.CreateAsync(
            file, new Qcow2WriterOptions { VirtualSize = Size }, CancellationToken.None))
        {
            Bytes.Random(1000).CopyTo(model, 1_234_567);
            await writer.WriteAsync(model.AsMemory(1_234_567, 1000), 1_234_567, CancellationToken.None);
            await writer.CompleteAsync(CancellationToken.None);
        }

        await AssertIsAsync(model, device.Path);
    }

    private static async Task ChangeAsync(Qcow2Writer writer, byte[] model, int quarter, int seed)
    {
        var random = new Random(seed);
        // Quarters begin where no cluster of one reaches into another.
        const int Quarter = 2 * 1024 * 1024;
        int start = Math.Min(quarter * Quarter, Size);
        int end = Math.Min(start + Quarter, Size);
        for (int i = 0; i < 3 && start < end; i++)
        {
            int offset = random.Next(start, end);
            int length = Math.Min(end - offset, random.Next(1, random.Next(2) == 0 ? 3000 : 700_000));
            if (random.Next(4) == 0)
            {
                await writer.ZeroAsync(offset, length, ZeroMode.Deallocate, CancellationToken.None);
                model.AsSpan(offset, length).Clear();
                continue;
            }

            byte[] data = Bytes.Random(length, random.Next());
            if (random.Next(2) == 0)
            {
                data.AsSpan().Fill((byte)i);
            }

            await writer.WriteAsync(data, offset, CancellationToken.None);
            data.CopyTo(model, offset);
        }
    }

    private static async ValueTask<Qcow2Writer> CreateAsync(string file, Qcow2WriterOptions options) =>
        await Qcow2Writer.CreateAsync(
        await FormatFiles.OpenAsync(file, write: true), options, CancellationToken.None);

    private async Task AssertIsAsync(byte[] model, string file)
    {
        await QemuImg.CheckAsync(file);
        await QemuImg.CompareAsync("qcow2", file, "raw", _directory.Create("model.raw", model));
    }
}
