using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Ranges;

/// <summary>
/// Distinct bytes are counted in bounded memory: exactly where requests follow each other, never twice anywhere.
/// </summary>
public sealed class DistinctBytesTests
{
    private const int Requests = 20_000;
    private const int Length = 10;

    [Fact]
    public void Scattered_ranges_in_ascending_order_are_counted_exactly()
    {
        var bytes = new DistinctBytes();
        for (int i = 0; i < Requests; i++)
        {
            bytes.Add(ByteRange.At(1000L * i, Length));
            Assert.Equal(Length * (i + 1), bytes.Count);
            Assert.InRange(bytes.Ranges, 1, DistinctBytes.MostRanges);
        }

        for (int i = 0; i < Requests; i++)
        {
            bytes.Add(ByteRange.At(1000L * i, Length));
        }

        Assert.Equal(Length * Requests, bytes.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Ranges_in_any_order_are_never_counted_twice(int seed)
    {
        int[] order = [.. Enumerable.Range(0, Requests)];
        new Random(seed).Shuffle(order);
        var bytes = new DistinctBytes();
        long before = 0;
        for (int i = 0; i < 2 * Requests; i++)
        {
            bytes.Add(ByteRange.At(1000L * order[i % Requests], Length));
            Assert.InRange(bytes.Count, before, Length * Math.Min(i + 1, Requests));
            Assert.InRange(bytes.Ranges, 1, DistinctBytes.MostRanges);
            before = bytes.Count;
        }
    }

    [Fact]
    public void Up_to_the_bound_ranges_in_any_order_are_counted_exactly()
    {
        int[] order = [.. Enumerable.Range(0, DistinctBytes.MostRanges)];
        new Random(3).Shuffle(order);
        var bytes = new DistinctBytes();
        Array.ForEach(order, i => bytes.Add(ByteRange.At(1000L * i, Length)));

        Assert.Equal(Length * order.Length, bytes.Count);
    }
}
