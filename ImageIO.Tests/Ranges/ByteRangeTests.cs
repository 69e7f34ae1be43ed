using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Ranges;

public sealed class ByteRangeTests
{
    [Fact]
    public void The_end_is_not_part_of_the_range()
    {
        var range = new ByteRange(10, 12);

        Assert.Equal(2, range.Length);
        Assert.True(range.Overlaps(new ByteRange(11, 12)));
        Assert.False(range.Overlaps(new ByteRange(12, 13)));
        Assert.False(range.Overlaps(new ByteRange(9, 10)));
        Assert.Equal("[10, 12)", range.ToString());
    }

    [Fact]
    public void An_empty_range_overlaps_nothing()
    {
        var empty = new ByteRange(5, 5);

        Assert.True(empty.IsEmpty);
        Assert.True(default(ByteRange).IsEmpty);
        Assert.False(empty.Overlaps(new ByteRange(0, 10)));
        Assert.False(new ByteRange(0, 10).Overlaps(empty));
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(5, 4)]
    [InlineData(-2, -1)]
    public void Bounds_that_make_no_range_are_refused(long start, long end) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ByteRange(start, end));

    [Theory]
    [InlineData(0, -1)]
    [InlineData(-1, 1)]
    [InlineData(1, long.MaxValue)]
    [InlineData(long.MaxValue, 1)]
    public void A_length_that_passes_the_largest_offset_is_refused(long offset, long length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ByteRange.At(offset, length));

    [Fact]
    public void The_largest_range_is_allowed() =>
        Assert.Equal(new ByteRange(1, long.MaxValue), ByteRange.At(1, long.MaxValue - 1));
}
