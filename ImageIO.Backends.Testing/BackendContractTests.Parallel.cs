using ImageIO.Core.Backends;
using Xunit;
using static ImageIO.Backends.Testing.ContractAssert;

namespace ImageIO.Backends.Testing;

public abstract partial class BackendContractTests
{
    // Twice the connections that clients are told to use, so that a lower limit shows.
    private const int MostParallel = 16;

    /// <summary>See <see cref="BackendCapabilities.MaxReaders"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task As_many_reads_as_declared_run_in_parallel()
    {
        IBackend backend = await OpenNewAsync();
        byte[] bytes = Pattern((int)backend.Size, 41);
        await WriteAsync(backend, bytes, 0);
        await InParallelAsync(backend.Capabilities.MaxReaders, async worker =>
        {
            var random = new Random(worker);
            for (int round = 0; round < 20; round++)
            {
                (int start, int length) = Run(backend, random.Next(8), 1 + random.Next(8));
                AssertSame(bytes.AsMemory(start, length), await ReadAsync(backend, start, length), $"reader {worker}");
            }
        });
    }

    /// <summary>See <see cref="BackendCapabilities.MaxWriters"/>: neighbouring blocks by different writers.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task As_many_writes_as_declared_run_in_parallel()
    {
        IBackend backend = await OpenNewAsync();
        int blocks = (int)(backend.Size / backend.BlockSize);
        byte[] expected = Pattern(blocks * backend.BlockSize, 42);
        int writers = Math.Min(MostParallel, backend.Capabilities.MaxWriters);
        // At most 512 blocks, enough turns for each even with the smallest blocks.
        int used = Math.Min(blocks, 512);
        await InParallelAsync(writers, async worker =>
        {
            for (int block = worker; block < used; block += writers)
            {
                (int start, int length) = Run(backend, block, 1);
                await WriteAsync(backend, expected[start..(start + length)], start);
            }
        });

        int written = used * backend.BlockSize;
        AssertSame(expected.AsMemory(0, written), await ReadAsync(backend, 0, written), "all writers' blocks");
    }

    /// <summary>Writes of whole blocks past the end come in any order and at once.</summary>
    [ContractFact(Needs = ContractParts.Growth, Timeout = TestTimeout)]
    public async Task Image_that_grows_by_parallel_writes_ends_with_the_last_and_loses_nothing()
    {
        const int Rounds = 10;
        const int Chunks = 12;
        for (int round = 0; round < Rounds; round++)
        {
            IBackend backend = await OpenNewAsync(0);
            Skip.IfNot(backend.Capabilities.CanGrow, "the image cannot grow");
            int chunk = Math.Max(backend.BlockSize, 8192);
            byte[] expected = Pattern(Chunks * chunk, round);
            int[] order = [.. Enumerable.Range(0, Chunks)];
            new Random(round).Shuffle(order);
            int workers = Math.Min(backend.Capabilities.MaxWriters, 4);
            await InParallelAsync(workers, async worker =>
            {
                for (int i = worker; i < Chunks; i += workers)
                {
                    int start = order[i] * chunk;
                    await WriteAsync(backend, expected[start..(start + chunk)], start);
                }
            });

            AssertSame(expected, await ReadAllAsync(backend), $"round {round}");
        }
    }

    /// <summary>A read of the last block runs while another writer grows the image.</summary>
    [ContractFact(Needs = ContractParts.Growth, Timeout = TestTimeout)]
    public async Task Reading_across_the_end_succeeds_while_the_image_grows()
    {
        IBackend backend = await OpenNewAsync(0);
        Skip.IfNot(backend.Capabilities.CanGrow, "the image cannot grow");
        byte[] bytes = Pattern(100 * backend.BlockSize, 43);
        await WriteAsync(backend, bytes[..backend.BlockSize], 0);
        Task growing = Task.Run(async () =>
        {
            for (int start = backend.BlockSize; start < bytes.Length; start += backend.BlockSize)
            {
                await WriteAsync(backend, bytes[start..(start + backend.BlockSize)], start);
            }
        });
        do
        {
            byte[] read = await ReadAsync(backend, 0, bytes.Length);
            AssertSame(bytes.AsMemory(0, backend.BlockSize), read.AsMemory(0, backend.BlockSize), "the first block");
        }
        while (!growing.IsCompleted);
        await growing;
        AssertSame(bytes, await ReadAllAsync(backend), "in the end");
    }

    /// <summary>See <see cref="IBackend.FlushAsync"/>: several clients flush at once, beside writers.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Flush_runs_beside_writes_and_other_flushes()
    {
        IBackend backend = await OpenNewAsync();
        await backend.FlushAsync(CancellationToken.None);
        byte[] bytes = Pattern(backend.BlockSize, 44);
        Task[] flushes = [.. Enumerable.Range(0, 4).Select(_ => backend.FlushAsync(CancellationToken.None).AsTask())];
        await WriteAsync(backend, bytes, 0);
        await Task.WhenAll(flushes);
        await backend.FlushAsync(CancellationToken.None);
        AssertSame(bytes, await ReadAsync(backend, 0, bytes.Length), "after flushing");
    }

    /// <summary>A call under a cancelled token completes or throws, and the image stays usable.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Cancelled_calls_complete_or_say_so_and_the_image_stays_usable()
    {
        var canceled = new CancellationToken(canceled: true);
        IBackend backend = await OpenNewAsync();
        byte[] bytes = Pattern(backend.BlockSize, 45);
        await CompleteOrCancelAsync(() => WriteAsync(backend, bytes, 0, canceled));
        await CompleteOrCancelAsync(async () => await ReadAsync(backend, 0, bytes.Length, canceled));
        await CompleteOrCancelAsync(() => backend.FlushAsync(canceled));
        if (backend.Capabilities.CanZero)
        {
            await CompleteOrCancelAsync(
                async () => await backend.ZeroAsync(0, backend.BlockSize, ZeroMode.Allocate, canceled));
        }

        await WriteAsync(backend, bytes, 0);
        AssertSame(bytes, await ReadAsync(backend, 0, bytes.Length), "after cancelled calls");
    }

    private static async ValueTask CompleteOrCancelAsync(Func<ValueTask> call)
    {
        try
        {
            await call();
        }
        catch (OperationCanceledException)
        {
            // It threw.
        }
    }

    private static Task InParallelAsync(int limit, Func<int, Task> work) =>
        Task.WhenAll(Enumerable.Range(0, Math.Min(MostParallel, limit)).Select(worker => Task.Run(() => work(worker))));
}
