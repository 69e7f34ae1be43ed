using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Formats.Qcow2;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Formats;

/// <summary>
/// Dirty bitmaps that qemu has kept in qcow2 images, read without it (client.md section 2, <c>--bitmap</c>).
/// </summary>
[Trait("Needs", "Qemu")]
public sealed class Qcow2BitmapTests : IDisposable
{
    private const int Size = 5_000_192;

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [SkippableTheory(Timeout = 60_000)]
    [InlineData("64k", 65536, 65536)]
    [InlineData("32k", 32768, 65536)]
    [InlineData("1M", 1048576, 65536)]
    [InlineData("512", 512, 512)]
    public async Task What_was_written_since_is_dirty_in_whole_grains(string grain, int granularity, int cluster)
    {
        QemuImg.Require();
        string image = await CreateAsync($"cluster_size={cluster}");
        await QemuImg.IoAsync(image, "write -P 1 0 1000000");
        await QemuImg.RunAsync("bitmap", "--add", "-g", grain, image, "daily");
        var random = new Random(granularity);
        var dirty = new RangeSet();
        var zero = new RangeSet();
        zero.Add(new ByteRange(0, Size));
        zero.Remove(new ByteRange(0, (1_000_000 + cluster - 1) / cluster * cluster));
        for (int i = 0; i < 6; i++)
        {
            long offset = random.Next(Size - 300_000), length = random.Next(1, 300_000);
            bool zeroes = i % 3 == 2;
            await QemuImg.IoAsync(
                image, zeroes ? $"write -z {offset} {length}" : $"write -P {i + 2} {offset} {length}");
            Add(dirty, offset, length, granularity);
            if (!zeroes)
            {
                Remove(zero, offset, length, cluster);
            }
        }

        await using Qcow2Reader reader = await FormatFiles.OpenChainAsync(image);
        List<Extent> extents = await DirtyAsync(reader, "daily");

        Assert.Equal(dirty.Ranges, Joined(extents.Where(extent => extent.Flags.HasFlag(ExtentFlags.Dirty))));
        Assert.All(extents, extent => Assert.False(extent.Flags.HasFlag(ExtentFlags.Hole)));
        // Ranges that qemu zeroed may be zero clusters or data. Ranges that were never written are zero for sure.
        Assert.Subset(
            Joined(extents.Where(extent => extent.Flags.HasFlag(ExtentFlags.Zero))).SelectMany(Blocks).ToHashSet(),
            zero.Ranges.SelectMany(
                range => Blocks(new ByteRange((range.Start + 4095) & ~4095, range.End & ~4095))).ToHashSet());
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Bitmap_of_a_layer_below_is_found_and_ends_with_it()
    {
        QemuImg.Require();
        string lower = await CreateAsync("cluster_size=64k");
        await QemuImg.RunAsync("bitmap", "--add", lower, "daily");
        await QemuImg.IoAsync(lower, "write -P 1 70000 10");
        string upper = _directory.File("upper.qcow2");
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", "-b", "image.qcow2", "-F", "qcow2", upper, "6M");

        await using Qcow2Reader reader = await FormatFiles.OpenChainAsync(upper);

        Assert.Equal(
            [
                new Extent(new ByteRange(0, 65536), ExtentFlags.Zero),
                new Extent(new ByteRange(65536, 131072), ExtentFlags.Dirty),
                new Extent(new ByteRange(131072, 6 * 1024 * 1024), ExtentFlags.Zero),
            ],
            await DirtyAsync(reader, "daily"));
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Unknown_bitmap_and_one_that_was_not_saved_are_refused_with_what_there_is()
    {
        QemuImg.Require();
        string image = await CreateAsync("cluster_size=64k");
        await QemuImg.RunAsync("bitmap", "--add", image, "daily");
        await using (Qcow2Reader reader = await FormatFiles.OpenChainAsync(image))
        {
            TransferException unknown = await Assert.ThrowsAsync<TransferException>(() => DirtyAsync(reader, "weekly"));
            Assert.Equal(TransferError.InvalidRequest, unknown.Error);
            Assert.Contains("daily", unknown.Message, StringComparison.Ordinal);
            using FileStream file = File.OpenWrite(image);
            file.Position = reader.Header.BitmapDirectoryOffset + 15;
            file.WriteByte(1);
        }

        await using Qcow2Reader damaged = await FormatFiles.OpenChainAsync(image);
        TransferException e = await Assert.ThrowsAsync<TransferException>(() => DirtyAsync(damaged, "daily"));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains("not saved", e.Message, StringComparison.Ordinal);
    }

    private static async Task<List<Extent>> DirtyAsync(Qcow2Reader reader, string bitmap)
    {
        var extents = new List<Extent>();
        await foreach (Extent extent in reader.GetDirtyExtentsAsync(bitmap, CancellationToken.None))
        {
            extents.Add(extent);
        }

        Assert.Equal(0, extents[0].Range.Start);
        Assert.Equal(reader.Size, extents[^1].Range.End);
        Assert.All(extents.Zip(extents.Skip(1)), pair => Assert.Equal(pair.First.Range.End, pair.Second.Range.Start));
        return extents;
    }

    private static IEnumerable<ByteRange> Joined(IEnumerable<Extent> extents)
    {
        var ranges = new RangeSet();
        foreach (Extent extent in extents)
        {
            ranges.Add(extent.Range);
        }

        return ranges.Ranges;
    }

    private static IEnumerable<long> Blocks(ByteRange range)
    {
        for (long block = range.Start / 4096; block < range.End / 4096; block++)
        {
            yield return block;
        }
    }

    private static void Add(RangeSet set, long offset, long length, int grain) => set.Add(Whole(offset, length, grain));

    private static void Remove(RangeSet set, long offset, long length, int grain) =>
        set.Remove(Whole(offset, length, grain));

    private static ByteRange Whole(long offset, long length, int grain) =>
        new(offset / grain * grain, Math.Min(Size, (offset + length + grain - 1) / grain * grain));

    private async Task<string> CreateAsync(string options)
    {
        string image = _directory.File("image.qcow2");
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", "-o", options, image, $"{Size}");
        return image;
    }
}
