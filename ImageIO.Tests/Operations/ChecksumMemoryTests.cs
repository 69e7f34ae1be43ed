using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Hashing;
using ImageIO.Tests.Support;
using ImageIO.Web.Checksums;

namespace ImageIO.Tests.Operations;

/// <summary>What the checksum of a large image allocates (issue 15, B13).</summary>
[Collection(AloneCollection.Name)]
public sealed class ChecksumMemoryTests
{
    private const int MiB = ChecksumOperation.SmallestBlock;
    private const long TiB = 1024L * 1024 * MiB;

    // It was 32 bytes for each block, zero or not: 256 MiB.
    [Fact(Timeout = 60_000)]
    public async Task A_checksum_of_8_TiB_takes_no_memory_for_its_blocks()
    {
        const long Size = (8 * TiB) + 8;
        long[] data = [0, 1, 4_999_999, 5_000_001, (Size / MiB) - 1];
        var backend = new SparseBackend(Size, [.. data.Select(block => ByteRange.At(block * MiB, MiB))]);
        await using StorageImage storage = StorageImage.On(backend, () => []);
        // Whatever is only needed once.
        await NewOperation(storage, 3 * MiB).RunAsync(CancellationToken.None);

        long before = GC.GetTotalAllocatedBytes(precise: true);
        ChecksumOperation operation = NewOperation(storage, Size);
        await operation.RunAsync(CancellationToken.None);
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;

        Assert.InRange(allocated, 0, 4 * MiB);
        Assert.Equal(Expected(Size, data), operation.Checksum);
    }

    private static ChecksumOperation NewOperation(StorageImage storage, long size) =>
        new(storage.Image, size, MiB, () => new Blake2bHash(32));

    // The definition, for an image whose other blocks have only zeroes.
    private static string Expected(long size, long[] data)
    {
        var root = new Blake2b(32);
        byte[] block = new byte[MiB];
        byte[] zero = HashOf(block);
        for (long i = 0; i < size / MiB; i++)
        {
            if (data.Contains(i))
            {
                SparseBackend.Fill(block, i * MiB);
                root.Append(HashOf(block));
            }
            else
            {
                root.Append(zero);
            }
        }

        root.Append(HashOf(new byte[size % MiB]));
        byte[] digest = new byte[32];
        root.Finish(digest);
        return Convert.ToHexStringLower(digest);
    }

    private static byte[] HashOf(ReadOnlySpan<byte> bytes)
    {
        var hash = new Blake2b(32);
        byte[] digest = new byte[32];
        hash.Append(bytes);
        hash.Finish(digest);
        return digest;
    }
}
