using CsCheck;
using ImageIO.Hashing;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Hashing;

/// <summary>BLAKE2b of messages side by side gives each its own digest, with each set of instructions.</summary>
public sealed class Blake2bLanesTests
{
    private const int DigestSize = 32;

    public static TheoryData<int> Levels => Blake2bTests.Levels;

    [Theory]
    [MemberData(nameof(Levels))]
    public void Equal_pieces_of_all_lanes_give_each_lane_its_own_digest(int level)
    {
        var lanes = new Blake2bLanes(DigestSize, (Instructions)level);
        byte[][] messages = [.. Enumerable.Range(1, lanes.Count).Select(seed => Bytes.Random(3 * 4096, seed))];
        for (int position = 0; position < messages[0].Length; position += 4096)
        {
            lanes.Append([.. messages.Select(message => (ReadOnlyMemory<byte>)message.AsMemory(position, 4096))]);
        }

        Assert.Equal(messages.Select(message => Blake2bTests.Expected(message, DigestSize)), Finish(lanes));
    }

    // Lanes that are empty, behind, or ended, in any mixture: each step gives each lane a piece of its own length.
    [Theory]
    [MemberData(nameof(Levels))]
    public void Random_pieces_in_random_lanes_have_the_digests_that_BouncyCastle_gives(int level) =>
        Gen.Int[0, 1000].Array[0, 8].Array[0, 6].Sample(
            steps =>
            {
                var lanes = new Blake2bLanes(DigestSize, (Instructions)level);
                List<byte>[] messages = [.. Enumerable.Range(0, lanes.Count).Select(_ => new List<byte>())];
                foreach (int[] step in steps)
                {
                    byte[][] pieces = [.. step.Take(lanes.Count).Select(length => Bytes.Random(length, length + 1))];
                    lanes.Append([.. pieces.Select(piece => (ReadOnlyMemory<byte>)piece)]);
                    for (int lane = 0; lane < pieces.Length; lane++)
                    {
                        messages[lane].AddRange(pieces[lane]);
                    }
                }

                return messages.Select(message => Blake2bTests.Expected(message.ToArray(), DigestSize))
                    .SequenceEqual(Finish(lanes));
            },
            iter: 300);

    [Theory]
    [MemberData(nameof(Levels))]
    public void Zeroes_count_like_written_ones_at_the_start_and_later(int level)
    {
        byte[] data = Bytes.Random(200);
        var lanes = new Blake2bLanes(DigestSize, (Instructions)level);
        foreach (int zeroes in new[] { 0, 1, 128, 65_536, 65_537, 200_000, 130_000, 65_536 })
        {
            lanes.AppendZeroes(0, zeroes);
            lanes.Append([data]);
            lanes.AppendZeroes(0, zeroes);

            Assert.Equal(
                Blake2bTests.Expected([.. new byte[zeroes], .. data, .. new byte[zeroes]], DigestSize),
                Finish(lanes)[0]);
        }
    }

    [Fact]
    public void More_pieces_than_lanes_are_refused()
    {
        var lanes = new Blake2bLanes(DigestSize);

        Assert.Throws<ArgumentOutOfRangeException>(() => lanes.Append(new ReadOnlyMemory<byte>[lanes.Count + 1]));
    }

    private static string[] Finish(Blake2bLanes lanes)
    {
        byte[] digest = new byte[DigestSize];
        return
        [
            .. Enumerable.Range(0, lanes.Count).Select(lane =>
            {
                lanes.Finish(lane, digest);
                return Convert.ToHexStringLower(digest);
            }),
        ];
    }
}
