using System.Text.Json.Nodes;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Formats.Qcow2;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Formats;

/// <summary>qcow2 images that qemu made, in all variants, read without qemu (issue 19, 3).</summary>
[Trait("Needs", "Qemu")]
public sealed class Qcow2ReaderTests : IDisposable
{
    private const int Size = 3 * 1024 * 1024 + 512;

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("compat=0.10")]
    [InlineData("compat=1.1")]
    [InlineData("compat=1.1,lazy_refcounts=on")]
    [InlineData("compat=1.1,refcount_bits=1")]
    [InlineData("compat=1.1,refcount_bits=64")]
    [InlineData("cluster_size=512")]
    [InlineData("cluster_size=4k")]
    [InlineData("cluster_size=2M")]
    [InlineData("preallocation=metadata")]
    [InlineData("preallocation=full")]
    public async Task Image_of_any_variant_reads_as_qemu_reads_it(string options)
    {
        QemuImg.Require();
        string image = await CreateAsync("image.qcow2", options);
        await QemuImg.IoAsync(
            image, "write -P 1 0 70000",
            "write -P 2 1000000 512", "write -z 65536 65536", "write -P 3 2500096 600000", "discard 2600000 131072");

        await AssertReadsLikeQemuAsync(image);
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("zlib", "64k")]
    [InlineData("zlib", "4k")]
    [InlineData("zlib", "2M")]
    [InlineData("zstd", "64k")]
    [InlineData("zstd", "512")]
    public async Task Compressed_image_reads_as_qemu_reads_it(string compression, string cluster)
    {
        QemuImg.Require();
        string raw = _directory.Create("raw", Mixed());
        string image = _directory.File("image.qcow2");
        await QemuImg.RunAsync(
            "convert", "-f",
            "raw", "-O", "qcow2", "-c", "-o", $"compression_type={compression},cluster_size={cluster}", raw, image);
        // Some clusters are written over, and then are not compressed.
        await QemuImg.IoAsync(image, "write -P 9 200000 5000");

        await AssertReadsLikeQemuAsync(image);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Chain_of_plain_files_reads_through_to_its_base()
    {
        QemuImg.Require();
        _directory.Create("base.raw", Bytes.Random(1_500_160));
        await QemuImg.RunAsync(
            "create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", _directory.File("middle.qcow2"), "2M");
        await QemuImg.IoAsync(
            _directory.File("middle.qcow2"), "write -P 4 100000 100000", "write -z 1000000 300000", "discard 0 65536");
        await QemuImg.RunAsync(
            "create", "-q", "-f", "qcow2",
            "-o", "cluster_size=4k", "-b", "middle.qcow2", "-F", "qcow2", _directory.File("top.qcow2"), $"{Size}");
        await QemuImg.IoAsync(_directory.File("top.qcow2"), "write -P 5 150000 4096", "write -P 6 2900000 4096");

        await AssertReadsLikeQemuAsync(_directory.File("top.qcow2"));
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Without_its_backing_file_what_only_that_has_is_a_hole()
    {
        QemuImg.Require();
        _directory.Create("base.raw", Bytes.Random(200_000));
        string top = _directory.File("top.qcow2");
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", top, "262144");
        await QemuImg.IoAsync(top, "write -P 5 65536 65536", "write -z 131072 65536");

        await using Qcow2Reader image = await Qcow2Reader.OpenAsync(
            await FormatFiles.OpenAsync(top), openBacking: null, CancellationToken.None);

        Assert.Equal(
            [
                new Extent(new ByteRange(0, 65536), ExtentFlags.Zero | ExtentFlags.Hole),
                new Extent(new ByteRange(65536, 131072), ExtentFlags.None),
                new Extent(new ByteRange(131072, 196608), ExtentFlags.Zero),
                new Extent(new ByteRange(196608, 262144), ExtentFlags.Zero | ExtentFlags.Hole),
            ],
            await FormatFiles.ExtentsAsync(image));
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Snapshots_and_bitmaps_do_not_disturb_and_bitmaps_are_named()
    {
        QemuImg.Require();
        string image = await CreateAsync("image.qcow2", "compat=1.1");
        await QemuImg.IoAsync(image, "write -P 1 0 200000");
        await QemuImg.RunAsync("snapshot", "-c", "before", image);
        await QemuImg.IoAsync(image, "write -P 2 100000 200000");
        await QemuImg.RunAsync("bitmap", "--add", "-g", "32k", image, "daily");
        await QemuImg.RunAsync("bitmap", "--add", "-g", "64k", image, "weekly");

        await AssertReadsLikeQemuAsync(image);
        await using Qcow2Reader reader = await FormatFiles.OpenChainAsync(image);
        Assert.Equal(
            [new Qcow2Bitmap("daily", 32768), new Qcow2Bitmap("weekly", 65536)],
            await reader.ReadBitmapsAsync(CancellationToken.None));
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("extended_l2=on", "subclusters")]
    [InlineData("data_file=DIR/data.raw,data_file_raw=on", "external data file")]
    [InlineData("encrypt.format=aes,encrypt.key-secret=s", "encrypted (AES)")]
    public async Task Image_that_is_not_read_here_is_refused_by_name(string options, string name)
    {
        QemuImg.Require();
        string image = _directory.File("image.qcow2");
        await QemuImg.RunAsync(
            "create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=password",
            "-o", options.Replace("DIR", _directory.Path, StringComparison.Ordinal), image, "1M");

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => FormatFiles.OpenChainAsync(image).AsTask());

        Assert.Equal(TransferError.NotSupported, e.Error);
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
    }

    // Its header is made here, as docs/interop/qcow2.txt of QEMU has it: qemu-img first measures how fast it derives
    // keys, and fails where the processor's clock is coarse.
    [SkippableFact(Timeout = 30_000)]
    public async Task Image_that_is_encrypted_with_luks_is_refused_by_name()
    {
        const int CryptMethod = 32;
        const int Extensions = 112;
        QemuImg.Require();
        string image = _directory.File("image.qcow2");
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", image, "1M");
        await using (FileStream file = File.OpenWrite(image))
        {
            file.Position = CryptMethod;
            file.Write([0, 0, 0, 2]);

            // The pointer to the LUKS header: 64 KiB at 256 KiB. Then the end of the extensions.
            file.Position = Extensions;
            file.Write([0x05, 0x37, 0xbe, 0x77, 0, 0, 0, 16, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
            file.Write(new byte[8]);
            file.SetLength(320 * 1024);
        }

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => FormatFiles.OpenChainAsync(image).AsTask());

        Assert.Equal(TransferError.NotSupported, e.Error);
        Assert.Contains("encrypted (LUKS)", e.Message, StringComparison.Ordinal);
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("", "64k")]
    [InlineData("compat=0.10", "512")]
    [InlineData("", "2M")]
    public async Task Measure_is_what_qemu_img_measures(string options, string cluster)
    {
        QemuImg.Require();
        string raw = _directory.File("raw");
        await using (FileStream file = File.Create(raw))
        {
            file.SetLength(300_000_000);
            RandomAccess.Write(file.SafeFileHandle, Bytes.Random(500_000), 70_000_128);
            RandomAccess.Write(file.SafeFileHandle, Bytes.Random(10), 0);
        }

        var expected = JsonNode.Parse(await QemuImg.RunAsync(
            "measure", "--output=json", "-f",
            "raw", "-O", "qcow2", "-o", $"cluster_size={cluster}" + (options.Length > 0 ? "," + options : ""), raw))!;
        int clusterSize = cluster switch { "512" => 512, "2M" => 2 * 1024 * 1024, _ => 65536 };

        await using Core.Backends.IBackend source = await FormatFiles.OpenAsync(raw);
        Qcow2Measure measure = await Qcow2Measure.OfAsync(source, clusterSize, CancellationToken.None);

        Assert.Equal(expected["required"]!.GetValue<long>(), measure.Required);
        Assert.Equal(expected["fully-allocated"]!.GetValue<long>(), measure.FullyAllocated);
    }

    // Data that packs well, data that does not, and zeroes.
    private static byte[] Mixed()
    {
        byte[] content = new byte[Size];
        Bytes.Random(700_000).CopyTo(content, 100_000);
        content.AsSpan(1_000_000, 900_000).Fill(7);
        for (int i = 2_000_000; i < 2_900_000; i++)
        {
            content[i] = (byte)(i % 251 ^ i / 8192);
        }

        return content;
    }

    private async Task<string> CreateAsync(string name, string options)
    {
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", "-o", options, _directory.File(name), $"{Size}");
        return _directory.File(name);
    }

    private async Task AssertReadsLikeQemuAsync(string image)
    {
        string expected = _directory.File("expected.raw");
        await QemuImg.RunAsync("convert", "-f", "qcow2", "-O", "raw", image, expected);
        await using Qcow2Reader reader = await FormatFiles.OpenChainAsync(image);
        byte[] expectedBytes = await File.ReadAllBytesAsync(expected);
        byte[] large = await FormatFiles.ReadAllAsync(reader);
        byte[] small = await FormatFiles.ReadAllAsync(reader, 4093);
        Bytes.AssertEqual(expectedBytes, large, "in large pieces");
        Bytes.AssertEqual(expectedBytes, small, "in small pieces");

        long position = 0;
        List<Extent> extents = await FormatFiles.ExtentsAsync(reader);
        foreach (Extent extent in extents)
        {
            Assert.Equal(position, extent.Range.Start);
            position = extent.Range.End;
            if (extent.Flags.HasFlag(ExtentFlags.Zero))
            {
                Assert.False(
                    expectedBytes.AsSpan((int)extent.Range.Start, (int)extent.Range.Length).ContainsAnyExcept((byte)0));
            }
        }

        Assert.Equal(Size, position);
        await AssertExtentsLikeQemuAsync(image, extents);
    }

    // qemu tells for each range whether it reads as zeroes and whether a layer has it.
    private static async Task AssertExtentsLikeQemuAsync(string image, List<Extent> extents)
    {
        foreach (JsonNode? node in await QemuImg.MapAsync(image))
        {
            long start = node!["start"]!.GetValue<long>();
            bool zero = node["zero"]!.GetValue<bool>();
            Extent extent = extents.Single(one => one.Range.Start <= start && start < one.Range.End);
            // qemu also asks the file system whether a cluster's bytes are a hole of the file.
            Assert.True(
                zero || !extent.Flags.HasFlag(ExtentFlags.Zero), $"{extent} at {start}, qemu: {node.ToJsonString()}");
            Assert.True(
                extent.Flags.HasFlag(ExtentFlags.Zero)
                    || !zero || node["data"]!.GetValue<bool>() || node["offset"] is not null,
                $"{extent} at {start}, qemu: {node.ToJsonString()}");
        }
    }
}
