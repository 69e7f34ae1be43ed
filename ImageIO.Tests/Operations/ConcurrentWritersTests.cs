using CsCheck;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Operations;

/// <summary>
/// Writers of different bytes never lose each other's, whatever blocks they share and however the image grows.
/// </summary>
public sealed class ConcurrentWritersTests
{
    [SkippableTheory(Timeout = 80_000)]
    [InlineData(StorageKind.Memory, 512, 500)]
    [InlineData(StorageKind.Memory, 4096, 500)]
    [InlineData(StorageKind.File, 512, 300)]
    [InlineData(StorageKind.File, 4096, 300)]
    public async Task Two_writers_on_the_halves_of_one_block_keep_both(StorageKind kind, int block, int rounds)
    {
        byte[] before = Bytes.Random(2 * block);
        await using StorageImage storage = await StorageImage.CreateAsync(kind, block, before);
        for (int round = 0; round < rounds; round++)
        {
            byte[] left = Bytes.Random(block / 2, round);
            byte[] right = Bytes.Random(block / 2, ~round);

            await Task.WhenAll(
                Task.Run(() => storage.WriteAsync(block, left)),
                Task.Run(() => storage.WriteAsync(block + (block / 2), right)));

            byte[] expected = [.. before.AsSpan(0, block), .. left, .. right];
            Bytes.AssertEqual(expected, storage.Content, $"round {round}");
        }
    }

    [SkippableTheory(Timeout = 80_000)]
    [InlineData(512)]
    [InlineData(4096)]
    public async Task Two_tickets_on_one_file_share_the_locks_of_its_blocks(int block)
    {
        await using StorageImage storage = await StorageImage.CreateAsync(StorageKind.File, block, []);
        await using ImageHandle other = storage.OpenAgain();
        byte[] expected = [];
        for (int round = 0; round < 150; round++)
        {
            // Both at the unaligned end of the file, which moves by a little more than a block each round.
            byte[] left = Bytes.Random(100, round);
            byte[] right = Bytes.Random(block - 50, ~round);
            int end = expected.Length;
            expected = [.. expected, .. left, .. right];

            await Task.WhenAll(
                Task.Run(() => storage.WriteAsync(end, left)),
                Task.Run(() => StorageImage.WriteAsync(other, end + 100, right)));

            Bytes.AssertEqual(expected, storage.Content, $"round {round}");
        }
    }

    [SkippableTheory(Timeout = 80_000)]
    [InlineData(StorageKind.Memory, 512, 200)]
    [InlineData(StorageKind.Memory, 4096, 200)]
    [InlineData(StorageKind.File, 512, 60)]
    [InlineData(StorageKind.File, 4096, 60)]
    public async Task Writers_and_zeroers_of_disjoint_ranges_of_a_growing_image_lose_nothing(
        StorageKind kind, int block, int images)
    {
        Gen<(int Length, int Action)> piece = Gen.Select(
            Gen.OneOf(Gen.Int[1, 5 * block], Gen.Int[1, 5].Select(blocks => blocks * block)), Gen.Int[0, 3]);
        await Gen.Select(Gen.Int[0, 3 * block], piece.Array[2, 12]).SampleAsync(
            async run =>
            {
                byte[] expected = Bytes.Random(run.Item1);
                await using StorageImage storage = await StorageImage.CreateAsync(kind, block, expected);
                var starts = new List<Func<Task>>();
                int offset = 0;
                foreach ((int length, int action) in run.Item2)
                {
                    byte[] data = action > 1 ? Bytes.Random(length, offset) : new byte[length];
                    expected = Bytes.Written(expected, offset, data);
                    int start = offset;
                    starts.Add(action > 1
                        ? () => storage.WriteAsync(start, data)
                        : () => storage.ZeroAsync(start, length, (ZeroMode)action));
                    offset += length;
                }

                // The last first: then the others meet an end of the image that is already behind them.
                starts.Reverse();
                await Task.WhenAll(starts.Select(Task.Run));

                Bytes.AssertEqual(expected, storage.Content, "content");
            },
            iter: images,
            threads: 1);
    }

    [SkippableTheory(Timeout = 80_000)]
    [InlineData(StorageKind.Memory, 512)]
    [InlineData(StorageKind.File, 512)]
    [InlineData(StorageKind.File, 4096)]
    public async Task An_unaligned_tail_keeps_its_exact_size_while_others_grow_the_image_behind_it(
        StorageKind kind, int block)
    {
        for (int round = 0; round < 100; round++)
        {
            byte[] before = Bytes.Random(100, round);
            await using StorageImage storage = await StorageImage.CreateAsync(kind, block, before);
            byte[] tail = Bytes.Random(block / 3, round);
            byte[] whole = Bytes.Random(4 * block, round);
            byte[] last = Bytes.Random(77, round);

            await Task.WhenAll(
                Task.Run(() => storage.WriteAsync(60, tail)),
                Task.Run(() => storage.WriteAsync(2 * block, whole)),
                Task.Run(() => storage.WriteAsync(6 * block, last)));

            byte[] expected = Bytes.Written(before, 60, tail);
            expected = Bytes.Written(Bytes.Written(expected, 2 * block, whole), 6 * block, last);
            Bytes.AssertEqual(expected, storage.Content, $"round {round}");
        }
    }
}
