using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Operations;

/// <summary>
/// Operations give back the buffers that wait for their clients, and lose no byte over it (issue 15, B8).
/// </summary>
public sealed class RecalledBuffersTests
{
    private const int KiB = 1024;
    private const int Size = 1000 * KiB;
    private static readonly RingSettings Ring = new(128 * KiB, queueDepth: 3);
    private readonly FakeTimeProvider _clock = new();
    private readonly byte[] _data = Bytes.Random(Size);

    [Theory(Timeout = 30_000)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(200 * KiB)]
    [InlineData((128 * KiB) - 1)]
    [InlineData(Size - 1)]
    public async Task A_stalled_download_drops_what_it_has_read_ahead_and_reads_it_again(int stallsAt)
    {
        using var pool = new BufferPool(1024 * KiB, _clock);
        await using StorageImage storage = StorageImage.On(new MemoryBackend(512, _data), Ring, pool);
        var client = new StallingClient(stallsAt);
        var operation = new ReadOperation(storage.Image, Size, new ByteRange(0, Size), client);
        Task running = operation.RunAsync(CancellationToken.None);
        await client.Stalls;

        await RecallAllAsync(pool);

        Assert.InRange(pool.SmallBytes, 0, BufferPool.SmallBuffer);
        Assert.Equal(stallsAt, operation.Done);
        Assert.False(running.IsCompleted);
        client.GoOn();
        await running;
        Bytes.AssertEqual(_data, client.Received, "what the client received");
        Assert.Equal(Size, operation.Done);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(513)]
    [InlineData(200 * KiB)]
    [InlineData((128 * KiB) - 1)]
    [InlineData(Size - (10 * KiB))]
    public async Task A_stalled_upload_writes_what_it_has_received_and_goes_on(int stallsAt)
    {
        using var pool = new BufferPool(1024 * KiB, _clock);
        var memory = new MemoryBackend(512);
        await using StorageImage storage = StorageImage.On(memory, Ring, pool);
        var client = new Held();
        var source = new ScriptedSource(_data, pieceSize: 50_000 + 1)
        {
            BeforeRead = given => given >= stallsAt ? client.StandAsync() : Task.CompletedTask,
        };
        Task running = new WriteOperation(storage.Image, 0, Size, Size, source, flush: true)
            .RunAsync(CancellationToken.None);
        await client.Arrived;
        int given = source.Taken;

        await RecallAllAsync(pool);

        Assert.Equal(0, pool.SmallBytes);
        Bytes.AssertEqual(_data.AsSpan(0, given), memory.Content(), "what was received is written");
        Assert.False(running.IsCompleted);
        client.Release();
        await running;
        Bytes.AssertEqual(_data, memory.Content(), "content");
    }

    // It is never still, so a clock that each byte resets would never call it slow.
    [Fact(Timeout = 30_000)]
    public async Task An_upload_of_a_byte_a_second_keeps_no_buffer_of_the_pool()
    {
        using var pool = new BufferPool(1024 * KiB, _clock);
        var memory = new MemoryBackend(512);
        await using StorageImage storage = StorageImage.On(memory, Ring, pool);
        const int Drips = 20;
        Held[] drips = [.. Enumerable.Range(0, Drips).Select(_ => new Held())];
        var source = new ScriptedSource(_data[..Drips], pieceSize: 1)
        {
            BeforeRead = given => given < Drips ? drips[given].StandAsync() : Task.CompletedTask,
        };
        Task running = new WriteOperation(storage.Image, 0, Drips, Size, source, flush: true)
            .RunAsync(CancellationToken.None);

        for (int i = 0; i < Drips; i++)
        {
            await drips[i].Arrived;
            await RecallAllAsync(pool);
            Assert.InRange(pool.SmallBytes, 0, BufferPool.SmallBuffer);
            drips[i].Release();
        }

        await running;
        Bytes.AssertEqual(_data.AsSpan(0, Drips), memory.Content(), "content");
    }

    [Fact(Timeout = 30_000)]
    public async Task A_client_that_moves_again_gets_large_buffers_again()
    {
        using var pool = new BufferPool(1024 * KiB, _clock);
        var faulty = new FaultyBackend(new MemoryBackend(512, _data));
        await using StorageImage storage = StorageImage.On(faulty, () => _data, Ring, pool);
        var client = new StallingClient(100);
        Task running = new ReadOperation(storage.Image, Size, new ByteRange(0, Size), client)
            .RunAsync(CancellationToken.None);
        await client.Stalls;
        await RecallAllAsync(pool);

        client.GoOn();
        await running;

        Bytes.AssertEqual(_data, client.Received, "what the client received");
        // Three before, one or two of a small buffer, then eight of 128 KiB. Small ones alone are sixteen.
        Assert.InRange(faulty.Count(BackendCall.Read), 3 + 8, 3 + 10);
    }

    [Fact(Timeout = 30_000)]
    public async Task However_many_clients_stall_another_operation_moves_at_once()
    {
        using var pool = new BufferPool(1024 * KiB, _clock);
        SharedImage shared = TestThreads.NewImage();
        await using StorageImage storage = StorageImage.On(
            new MemoryBackend(512, _data), () => _data, Ring, pool, shared);
        StallingClient[] clients = [.. Enumerable.Range(0, 64).Select(_ => new StallingClient(0))];
        Task[] stalled = [.. clients.Select(client => Task.Run(() =>
            new ReadOperation(storage.Image, Size, new ByteRange(0, Size), client).RunAsync(CancellationToken.None)))];
        await Task.WhenAll(clients.Select(client => client.Stalls));

        byte[] read = await storage.ReadAsync(7, Size - 7);

        Bytes.AssertEqual(_data.AsSpan(7), read, "what the other client received");
        Assert.InRange(pool.RentedBytes, 1, pool.Ceiling);
        Assert.InRange(pool.SmallBytes, 0, 64L * 2 * BufferPool.SmallBuffer);
        Assert.DoesNotContain(stalled, operation => operation.IsCompleted);
        Array.ForEach(clients, client => client.GoOn());
        await Task.WhenAll(stalled);
        Assert.All(clients, client => Bytes.AssertEqual(_data, client.Received, "what a stalled client received"));
    }

    // Another operation wants more than the pool ever has.
    private async Task RecallAllAsync(BufferPool pool)
    {
        var share = new BufferShare(null);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await Eventually.HoldsAsync(
            () => !pool.TryRent(share, 1024 * KiB, out _) && pool.RentedBytes == 0, "all buffers are given back");
    }
}
