using CsCheck;
using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Ranges;

public sealed class RangeSetTests
{
    // Small, so that ranges touch, overlap and swallow each other all the time.
    private const int Universe = 64;

    private static readonly Gen<(bool Add, int Start, int Length)[]> Steps =
        Gen.Select(Gen.Bool, Gen.Int[0, Universe - 1], Gen.Int[0, 20]).Array[0, 40];

    [Fact]
    public void Any_sequence_of_adds_and_removes_equals_a_set_of_single_bytes() => Steps.Sample(steps =>
    {
        var set = new RangeSet();
        bool[] model = new bool[Universe];
        foreach ((bool add, int start, int length) in steps)
        {
            var range = new ByteRange(start, Math.Min(Universe, start + length));
            if (add)
            {
                set.Add(range);
            }
            else
            {
                set.Remove(range);
            }

            model.AsSpan((int)range.Start, (int)range.Length).Fill(add);
            AssertEqual(model, set);
        }
    });

    [Fact]
    public void The_union_of_two_sets_equals_the_union_of_their_bytes() => Gen.Select(Steps, Steps).Sample((a, b) =>
    {
        (RangeSet set, bool[] model) = Build(a);
        (RangeSet other, bool[] otherModel) = Build(b);

        set.Add(other);

        AssertEqual([.. model.Zip(otherModel, (x, y) => x || y)], set);
        AssertEqual(otherModel, other);
    });

    [Fact]
    public void Touching_ranges_become_one()
    {
        var set = new RangeSet();
        set.Add(new ByteRange(0, 10));
        set.Add(new ByteRange(20, 30));
        set.Add(new ByteRange(10, 20));

        Assert.Equal([new ByteRange(0, 30)], set.Ranges);
        Assert.Equal(30, set.Sum);
    }

    [Fact]
    public void Joining_loses_no_byte_gains_only_bytes_between_neighbours_and_tells_how_many() =>
        Gen.Select(Steps, Gen.Int[2, 8]).Sample((steps, most) =>
        {
            (RangeSet set, bool[] model) = Build(steps);
            ByteRange[] ranges = [.. set.Ranges];

            long gained = set.Join(most);

            Assert.InRange(set.Count, 0, most);
            Assert.Equal(model.Count(isIn => isIn) + gained, set.Sum);
            Assert.All(ranges, range =>
                Assert.Contains(set.Ranges, joined => joined.Start <= range.Start && range.End <= joined.End));
            Assert.Equal(ranges.FirstOrDefault().Start, set.Ranges.FirstOrDefault().Start);
            Assert.Equal(ranges.LastOrDefault().End, set.Ranges.LastOrDefault().End);
            Assert.True(ranges.Length > most || gained == 0, "nothing is joined before it must");
        });

    [Fact]
    public void The_nearest_neighbours_are_joined_first()
    {
        var set = new RangeSet();
        set.Add(new ByteRange(0, 10));
        set.Add(new ByteRange(11, 20));
        set.Add(new ByteRange(120, 130));
        set.Add(new ByteRange(132, 140));
        set.Add(new ByteRange(1000, 1001));

        Assert.Equal(3, set.Join(4) - 100);

        Assert.Equal([new ByteRange(0, 140), new ByteRange(1000, 1001)], set.Ranges);
    }

    [Fact]
    public void Cleared_set_is_empty()
    {
        var set = new RangeSet();
        set.Add(new ByteRange(3, 5));
        set.Clear();

        Assert.True(set.IsEmpty);
        Assert.Equal(0, set.Sum);
    }

    [Fact]
    public void The_ends_of_the_number_line_are_ordinary()
    {
        var set = new RangeSet();
        set.Add(new ByteRange(long.MaxValue - 2, long.MaxValue));
        set.Add(new ByteRange(0, 1));
        set.Remove(new ByteRange(long.MaxValue - 1, long.MaxValue));

        Assert.Equal([new ByteRange(0, 1), new ByteRange(long.MaxValue - 2, long.MaxValue - 1)], set.Ranges);
    }

    // Cheap by structure, not by the clock: what one more range allocates does not depend on how many there are, and
    // filling the gaps leaves a single range. Scattered where it is measured, at both ends; what lies between is added
    // in order, which costs a tenth of the time.
    [Fact]
    public void One_more_range_beside_a_million_costs_as_much_as_beside_ten()
    {
        const int Count = 1_000_000;
        const int Measured = 10_000;
        var set = new RangeSet();
        AddEveryOther(set, 0, 10);
        long besideTen = CostOf(() => AddScattered(set, 10, 20)) / 10;

        AddEveryOther(set, 20, Count - Measured);
        long besideMillion = CostOf(() => AddScattered(set, Count - Measured, Count)) / Measured;

        Assert.Equal(Count, set.Count);
        Assert.Equal(Count, set.Sum);
        Assert.InRange(besideMillion, 1, (besideTen * 2) + 1024);

        set.Add(new ByteRange(0, 2L * Count));
        Assert.Equal([new ByteRange(0, 2L * Count)], set.Ranges);
    }

    private static long CostOf(Action act)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        act();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static void AddEveryOther(RangeSet set, int from, int to)
    {
        for (long i = from; i < to; i++)
        {
            set.Add(ByteRange.At(i * 2, 1));
        }
    }

    // A stride that visits every even byte once, in scattered order: 7 divides neither ten nor ten thousand.
    private static void AddScattered(RangeSet set, int from, int to)
    {
        int count = to - from;
        for (long i = 0; i < count; i++)
        {
            set.Add(ByteRange.At((from + (i * 7 % count)) * 2, 1));
        }
    }

    private static (RangeSet Set, bool[] Model) Build((bool Add, int Start, int Length)[] steps)
    {
        var set = new RangeSet();
        bool[] model = new bool[Universe];
        foreach ((_, int start, int length) in steps)
        {
            var range = new ByteRange(start, Math.Min(Universe, start + length));
            set.Add(range);
            model.AsSpan((int)range.Start, (int)range.Length).Fill(true);
        }

        return (set, model);
    }

    private static void AssertEqual(bool[] model, RangeSet set)
    {
        var expected = new List<ByteRange>();
        for (int i = 0; i < model.Length; i++)
        {
            if (model[i] && (i == 0 || !model[i - 1]))
            {
                int end = Array.IndexOf(model, false, i);
                expected.Add(new ByteRange(i, end < 0 ? model.Length : end));
            }
        }

        Assert.Equal(expected, set.Ranges);
        Assert.Equal(expected.Count, set.Count);
        Assert.Equal(expected.Count == 0, set.IsEmpty);
        Assert.Equal(model.LongCount(isIn => isIn), set.Sum);
    }
}
