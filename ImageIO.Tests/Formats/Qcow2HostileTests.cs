using System.Buffers.Binary;
using ImageIO.Core.Errors;
using ImageIO.Formats.Qcow2;
using ImageIO.Fuzz.Targets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Formats;

/// <summary>qcow2 images that lie: refused with a reason, in bounded time and memory (issue 19, 3).</summary>
public sealed class Qcow2HostileTests : IDisposable
{
    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("an L1 table behind the file's end", 40, 8, 1L << 40)]
    [InlineData("an L1 table in the header", 40, 8, 0L)]
    [InlineData("an L1 table that is not aligned", 40, 8, 70_000L)]
    [InlineData("an L1 table larger than any", 36, 4, 0x7fff_ffffL)]
    [InlineData("an L1 table too small for the size", 24, 8, 1L << 50)]
    [InlineData("a size of 2^63", 24, 8, long.MinValue)]
    [InlineData("clusters of 2^31 bytes", 20, 4, 31L)]
    [InlineData("clusters of 1 byte", 20, 4, 0L)]
    [InlineData("a header of 4 GiB", 100, 4, 0xffff_fff8L)]
    [InlineData("an unknown version", 4, 4, 4L)]
    [InlineData("an unknown incompatible feature", 72, 8, 1L << 40)]
    [InlineData("a backing name outside of the header", 8, 8, 1L << 30)]
    [InlineData("a refcount table over the L1 table", 48, 8, 0x30000L)]
    [InlineData("a refcount table behind the end", 56, 4, 0x1000_0000L)]
    public async Task Header_with_a_lie_is_refused(string what, int offset, int length, long value)
    {
        byte[] image = await SmallImageAsync();
        byte[] number = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(number, value);
        number.AsSpan(8 - length).CopyTo(image.AsSpan(offset));
        if (offset == 8)
        {
            BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(16), 10);
        }

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => FormatFiles.OpenChainAsync(_directory.Create("lie", image)).AsTask());

        Assert.True(
            e.Error is TransferError.ImageUnavailable or TransferError.NotSupported, $"{what}: {e.Error}, {e.Message}");
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("shared", "share the L2 table")]
    [InlineData("behind", "where none can be")]
    [InlineData("unaligned", "where none can be")]
    [InlineData("cluster", "outside of the file", "a cluster at")]
    public async Task Table_with_a_lie_is_refused(string lie, params string[] texts)
    {
        byte[] image = await SmallImageAsync();
        int l1 = (int)BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(40));
        int l2 = (int)(BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(l1)) & 0xff_ffff_fe00);
        switch (lie)
        {
            case "shared":
                // Two guest ranges, one table: a small file that would describe an endless image.
                image.AsSpan(l1, 8).CopyTo(image.AsSpan(l1 + 8));
                BinaryPrimitives.WriteInt64BigEndian(image.AsSpan(24), 1L << 30);
                BinaryPrimitives.WriteInt32BigEndian(image.AsSpan(36), 2);
                break;
            case "behind":
                BinaryPrimitives.WriteInt64BigEndian(image.AsSpan(l1), 1L << 40);
                break;
            case "unaligned":
                BinaryPrimitives.WriteInt64BigEndian(image.AsSpan(l1), l2 + 512);
                break;
            default:
                BinaryPrimitives.WriteInt64BigEndian(image.AsSpan(l2), 1L << 40);
                break;
        }

        TransferException e = await Assert.ThrowsAsync<TransferException>(async () =>
        {
            await using Qcow2Reader reader = await FormatFiles.OpenChainAsync(_directory.Create("lie", image));
            await FormatFiles.ReadAllAsync(reader);
        });

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.Contains(texts, text => e.Message.Contains(text, StringComparison.Ordinal));
    }

    // The same as the fuzz target, for a second: any damage is either unseen or has a name.
    [SkippableFact(Timeout = 60_000)]
    public async Task Damage_anywhere_in_the_metadata_never_has_another_end_than_a_reason()
    {
        byte[] image = await SmallImageAsync();
        var random = new Random(7);
        for (int round = 0; round < 300; round++)
        {
            byte[] damaged = [.. image];
            for (int flips = random.Next(1, 6); flips > 0; flips--)
            {
                int place = random.Next(3) == 0 ? random.Next(112) : random.Next(damaged.Length / 512) * 512
                    + random.Next(16);
                damaged[place] = random.Next(3) switch { 0 => 0, 1 => 0xff, _ => (byte)random.Next(256) };
            }

            Qcow2Target.Read(damaged);
        }
    }

    private async Task<byte[]> SmallImageAsync()
    {
        QemuImg.Require();
        string image = _directory.File("small.qcow2");
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", image, "1M");
        await QemuImg.IoAsync(image, "write -P 1 0 70000", "write -z 262144 65536", "write -c -P 3 524288 65536");
        return await File.ReadAllBytesAsync(image);
    }
}
