using System.Security.Cryptography;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Hashing;
using ImageIO.Tests.Support;
using ImageIO.Web.Checksums;

namespace ImageIO.Tests.Operations;

public sealed class ChecksumOperationTests
{
    private const int MiB = ChecksumOperation.SmallestBlock;
    private const int Blocks = 20;

    private static readonly RingSettings Ring = new(bufferSize: MiB, queueDepth: 4);

    // A quarter of the pool is less than one buffer, four of 512 KiB, and as many as there are lanes.
    [Theory(Timeout = 30_000)]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(64)]
    public async Task Result_is_the_same_with_few_buffers_and_with_many(int poolMiB)
    {
        byte[] content = Bytes.Random((Blocks * MiB) + 5);
        using var pool = new BufferPool(poolMiB * MiB);
        await using StorageImage storage = StorageImage.On(new MemoryBackend(512, content), Ring, pool);
        ChecksumOperation operation = New(storage, () => new PlatformHash(HashAlgorithmName.SHA256));
        ChecksumOperation sideBySide = New(storage, () => new Blake2bHash(32));

        await operation.RunAsync(CancellationToken.None);
        await sideBySide.RunAsync(CancellationToken.None);

        byte[] digests = [.. content.Chunk(MiB).SelectMany(SHA256.HashData)];
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(digests)), operation.Checksum);
        Assert.Equal(OneByOne(content), sideBySide.Checksum);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_checksum_holds_a_quarter_of_the_pool_at_most()
    {
        byte[] content = Bytes.Random(Blocks * MiB);
        using var pool = new BufferPool(8 * MiB);
        var faulty = new FaultyBackend(new MemoryBackend(512, content));
        await using StorageImage storage = StorageImage.On(faulty, () => [], Ring, pool);
        Held held = faulty.Hold(BackendCall.Read, 20);
        ChecksumOperation operation = New(storage, () => new Blake2bHash(32));

        Task running = operation.RunAsync(CancellationToken.None);
        await held.Arrived;
        long rented = pool.RentedBytes;
        held.Release();
        await running;

        Assert.InRange(rented, 1, pool.Ceiling / 4);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_failed_read_of_one_lane_ends_the_checksum_and_all_buffers_come_back()
    {
        byte[] content = Bytes.Random(Blocks * MiB);
        using var pool = new BufferPool(64 * MiB);
        var faulty = new FaultyBackend(new MemoryBackend(512, content));
        await using StorageImage storage = StorageImage.On(faulty, () => [], Ring, pool);
        faulty.Fail(BackendCall.Read, 7);
        ChecksumOperation operation = New(storage, () => new Blake2bHash(32));

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => operation.RunAsync(CancellationToken.None));

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Equal("", operation.Checksum);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact(Timeout = 30_000)]
    public async Task Cancel_ends_a_checksum()
    {
        byte[] content = Bytes.Random(Blocks * MiB);
        var faulty = new FaultyBackend(new MemoryBackend(512, content));
        await using StorageImage storage = StorageImage.On(faulty, () => [], Ring);
        Held held = faulty.Hold(BackendCall.Read, 5);
        ChecksumOperation operation = New(storage, () => new Blake2bHash(32));

        Task running = operation.RunAsync(CancellationToken.None);
        await held.Arrived;
        operation.Cancel();
        held.Release();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private static ChecksumOperation New(StorageImage storage, Func<IBlockHash> newHash) =>
        new(storage.Image, storage.Image.KnownSize, MiB, newHash);

    // The definition, one block after the other.
    private static string OneByOne(byte[] content)
    {
        var hash = new Blake2b(32);
        byte[] digests = new byte[content.Chunk(MiB).Count() * 32];
        int position = 0;
        foreach (byte[] block in content.Chunk(MiB))
        {
            hash.Append(block);
            hash.Finish(digests.AsSpan(position, 32));
            position += 32;
        }

        hash.Append(digests);
        byte[] digest = new byte[32];
        hash.Finish(digest);
        return Convert.ToHexStringLower(digest);
    }
}
