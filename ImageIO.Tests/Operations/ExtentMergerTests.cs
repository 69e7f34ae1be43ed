using CsCheck;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Operations;

public sealed class ExtentMergerTests
{
    private const int Timeout = 60_000;

    // Lengths and flags of consecutive extents, from none to a few.
    private static readonly Gen<(int Length, ExtentFlags Flags)[]> Pieces =
        Gen.Select(Gen.Int[1, 5], Gen.Int[0, 2], (length, flags) => (length, (ExtentFlags)flags)).Array[0, 12];

    [Fact(Timeout = Timeout)]
    public Task Merged_extents_say_of_each_byte_what_the_backend_said() =>
        Gen.Select(Pieces, Gen.Int[0, 100]).SampleAsync(async (pieces, percent) =>
        {
            ExtentFlags[] bytes = [.. pieces.SelectMany(piece => Enumerable.Repeat(piece.Flags, piece.Length))];
            int size = bytes.Length * percent / 100;
            List<Extent> merged = await MergeAsync(pieces, size);
            ExtentFlags[] said = [.. merged.SelectMany(
                extent => Enumerable.Repeat(extent.Flags, (int)extent.Range.Length))];
            Assert.Equal(bytes[..size], said);
        });

    [Fact(Timeout = Timeout)]
    public Task Merged_extents_are_ordered_contiguous_not_empty_and_differ_from_their_neighbours() =>
        Pieces.SampleAsync(async pieces =>
        {
            List<Extent> merged = await MergeAsync(pieces, pieces.Sum(piece => piece.Length));
            long position = 0;
            ExtentFlags? before = null;
            foreach (Extent extent in merged)
            {
                Assert.Equal(position, extent.Range.Start);
                Assert.False(extent.Range.IsEmpty);
                Assert.NotEqual(before, extent.Flags);
                position = extent.Range.End;
                before = extent.Flags;
            }
        });

    [Fact(Timeout = Timeout)]
    public async Task Extents_with_a_gap_are_a_failure_of_the_storage() =>
        await AssertFailsAsync([At(0, 4), At(5, 9)], 9);

    [Fact(Timeout = Timeout)]
    public async Task Extents_that_overlap_are_a_failure_of_the_storage() =>
        await AssertFailsAsync([At(0, 4), At(3, 9)], 9);

    [Fact(Timeout = Timeout)]
    public async Task Extents_that_end_early_are_a_failure_of_the_storage() =>
        await AssertFailsAsync([At(0, 4)], 5);

    [Fact(Timeout = Timeout)]
    public async Task Empty_extent_is_a_failure_of_the_storage() =>
        await AssertFailsAsync([At(0, 4), At(4, 4), At(4, 5)], 5);

    [Fact(Timeout = Timeout)]
    public async Task First_extent_is_given_before_the_backend_has_looked_up_the_third()
    {
        int lookedUp = 0;
        async IAsyncEnumerable<Extent> LookUp()
        {
            for (int i = 0; i < 1_000_000; i++)
            {
                lookedUp++;
                yield return new Extent(new ByteRange(i, i + 1), i % 2 == 0 ? ExtentFlags.Zero : ExtentFlags.None);
            }

            await Task.CompletedTask;
        }

        await using IAsyncEnumerator<Extent> merged =
            ExtentMerger.MergeAsync(LookUp(), 1_000_000, CancellationToken.None).GetAsyncEnumerator();
        Assert.True(await merged.MoveNextAsync());
        Assert.Equal(2, lookedUp);
    }

    private static async Task AssertFailsAsync(Extent[] extents, long size)
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(
            async () =>
                await ExtentMerger.MergeAsync(extents.ToAsyncEnumerable(), size, CancellationToken.None).ToListAsync());
        Assert.Equal(TransferError.StorageFailed, e.Error);
    }

    private static Extent At(long start, long end) => new(new ByteRange(start, end), ExtentFlags.None);

    private static async Task<List<Extent>> MergeAsync((int Length, ExtentFlags Flags)[] pieces, long size)
    {
        long position = 0;
        Extent[] extents = [.. pieces.Select(piece => new Extent(
            ByteRange.At((position += piece.Length) - piece.Length, piece.Length), piece.Flags))];
        return await ExtentMerger.MergeAsync(extents.ToAsyncEnumerable(), size, CancellationToken.None).ToListAsync();
    }
}
