using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Operations;

/// <summary>Any call to the storage may fail, at any moment: never a success then, nothing kept, and a second try
/// works.</summary>
public sealed class FaultInjectionTests : IDisposable
{
    private const int Block = 512;
    private const int Size = 40_000;

    private readonly BufferPool _pool = new(1024 * 1024);

    public void Dispose() => _pool.Dispose();

    // The errors that a storage call may end in, beside success: EIO and the like, and ENOSPC or EDQUOT.
    public static TheoryData<string, TransferError> Cases()
    {
        var cases = new TheoryData<string, TransferError>();
        foreach (string operation in (string[])["write", "zero", "emulated zero", "flush", "read"])
        {
            cases.Add(operation, TransferError.StorageFailed);
            cases.Add(operation, TransferError.StorageFull);
        }

        return cases;
    }

    [Theory(Timeout = 60_000)]
    [MemberData(nameof(Cases))]
    public async Task A_call_that_fails_is_reported_by_its_name_and_a_second_try_works(string name, TransferError error)
    {
        Dictionary<BackendCall, int> calls = await CountAsync(name);
        Assert.True(calls.Values.Sum() > 0, "The operation calls the storage");
        foreach ((BackendCall call, int count) in calls)
        {
            for (int nth = 1; nth <= count; nth++)
            {
                MemoryBackend memory = Memory(name);
                var faulty = new FaultyBackend(memory);
                faulty.Fail(call, nth, error);
                await using ImageHandle image = Open(faulty);

                TransferException failure = await Assert.ThrowsAsync<TransferException>(
                    () => Make(name, image, out _).RunAsync(CancellationToken.None));
                Assert.Equal(error, failure.Error);
                Assert.Equal(0, _pool.RentedBytes + _pool.SmallBytes);

                await Make(name, image, out MemoryStream sent).RunAsync(CancellationToken.None);
                Assert.Equal(Expected(name), name == "read" ? sent.ToArray() : memory.Content());
                Assert.Equal(0, _pool.RentedBytes + _pool.SmallBytes);
            }
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task A_failed_flush_is_not_followed_by_a_success_for_the_same_data()
    {
        var faulty = new FaultyBackend(Memory("write"));
        faulty.Fail(BackendCall.Flush, 1);
        await using ImageHandle image = Open(faulty);
        await Assert.ThrowsAsync<TransferException>(() => Make("write", image, out _).RunAsync(CancellationToken.None));

        TransferException again = await Assert.ThrowsAsync<TransferException>(
            () => new FlushOperation(image).RunAsync(CancellationToken.None));
        Assert.Equal(TransferError.FlushLost, again.Error);

        await Make("write", image, out _).RunAsync(CancellationToken.None);
        await new FlushOperation(image).RunAsync(CancellationToken.None);
    }

    private static async Task<Dictionary<BackendCall, int>> CountAsync(string name)
    {
        using var pool = new BufferPool(1024 * 1024);
        var counting = new FaultyBackend(Memory(name));
        await using var image = new ImageHandle(
            counting, "memory", new RingSettings(4096, 3), pool, TestThreads.NewImage());
        await Make(name, image, out _).RunAsync(CancellationToken.None);
        return Enum.GetValues<BackendCall>()
            .Where(call => counting.Count(call) > 0)
            .ToDictionary(call => call, counting.Count);
    }

    private ImageHandle Open(IBackend backend) =>
        new(backend, "memory", new RingSettings(4096, 3), _pool, TestThreads.NewImage());

    private static MemoryBackend Memory(string name) => new(Block, Old()) { RefusesZero = name == "emulated zero" };

    // Unaligned at both ends, over many buffers.
    private static IOperation Make(string name, ImageHandle image, out MemoryStream sent)
    {
        sent = new MemoryStream();
        return name switch
        {
            "write" => new WriteOperation(image, 700, 30_001, Size, new MemoryStream(New()), flush: true),
            "zero" or "emulated zero" => new ZeroOperation(image, 700, 30_001, Size, ZeroMode.Allocate, flush: true),
            "flush" => new FlushOperation(image),
            _ => new ReadOperation(image, Size, ByteRange.At(700, 30_001), sent),
        };
    }

    private static byte[] Expected(string name)
    {
        byte[] expected = Old();
        switch (name)
        {
            case "write":
                New().CopyTo(expected, 700);
                return expected;
            case "read":
                return expected[700..30_701];
            case "flush":
                return expected;
            default:
                expected.AsSpan(700, 30_001).Clear();
                return expected;
        }
    }

    private static byte[] Old() => Bytes(1, Size);

    private static byte[] New() => Bytes(2, 30_001);

    private static byte[] Bytes(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
