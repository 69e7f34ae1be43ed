using System.Runtime.Intrinsics.X86;
using CsCheck;
using ImageIO.Hashing;
using ImageIO.Tests.Support;
using Org.BouncyCastle.Crypto.Digests;

namespace ImageIO.Tests.Hashing;

/// <summary>BLAKE2b with each set of instructions, beside RFC 7693's vector and BouncyCastle.</summary>
public sealed class Blake2bTests
{
    // RFC 7693 appendix A.
    private const string DigestOfAbc =
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        + "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923";

    public static TheoryData<int> Levels => new(
        [.. Enum.GetValues<Instructions>().Where(IsThere).Select(level => (int)level)]);

    [Fact]
    public void The_best_level_is_the_processors() =>
        Assert.Equal(Enum.GetValues<Instructions>().Last(IsThere), Kernels.Best);

    [Theory]
    [MemberData(nameof(Levels))]
    public void The_vector_of_RFC_7693_is_met(int level)
    {
        var hash = new Blake2b(64, (Instructions)level);
        hash.Append("abc"u8);

        Assert.Equal(DigestOfAbc, Finish(hash));
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Each_length_around_the_edges_of_blocks_has_the_digest_that_BouncyCastle_gives(int level)
    {
        byte[] message = Bytes.Random(1100);
        for (int length = 0; length <= message.Length; length++)
        {
            int size = 1 + (length % 64);
            var hash = new Blake2b(size, (Instructions)level);
            hash.Append(message.AsSpan(0, length));

            Assert.Equal(Expected(message.AsSpan(0, length), size), Finish(hash));
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Random_splits_of_random_messages_have_the_digest_that_BouncyCastle_gives(int level) =>
        Gen.Select(Gen.Byte.Array[0, 5000], Gen.Int[0, 700].Array[0, 20]).Sample(
            (message, splits) =>
            {
                var hash = new Blake2b(32, (Instructions)level);
                int taken = 0;
                foreach (int split in splits)
                {
                    int length = Math.Min(split, message.Length - taken);
                    hash.Append(message.AsSpan(taken, length));
                    taken += length;
                }

                hash.Append(message.AsSpan(taken));
                return Finish(hash) == Expected(message, 32);
            },
            iter: 300);

    [Theory]
    [MemberData(nameof(Levels))]
    public void A_copy_goes_on_alone_and_a_finished_hash_begins_anew(int level)
    {
        byte[] message = Bytes.Random(1000);
        var hash = new Blake2b(32, (Instructions)level);
        hash.Append(message.AsSpan(0, 300));
        Blake2b copy = hash.Copy();
        hash.Append(message.AsSpan(300));
        copy.Append(message.AsSpan(0, 300));

        Assert.Equal(Expected(message, 32), Finish(hash));
        Assert.Equal(Expected([.. message.AsSpan(0, 300), .. message.AsSpan(0, 300)], 32), Finish(copy));
        hash.Append(message);
        Assert.Equal(Expected(message, 32), Finish(hash));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(65)]
    public void A_digest_size_that_BLAKE2b_lacks_is_refused(int size)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Blake2b(size));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Blake2bLanes(size));
    }

    internal static bool IsThere(Instructions level) => level switch
    {
        Instructions.Avx512 => Avx512F.VL.IsSupported,
        Instructions.Avx2 => Avx2.IsSupported,
        _ => true,
    };

    internal static string Expected(ReadOnlySpan<byte> message, int size)
    {
        var hash = new Blake2bDigest(size * 8);
        hash.BlockUpdate(message);
        byte[] digest = new byte[size];
        hash.DoFinal(digest);
        return Convert.ToHexStringLower(digest);
    }

    private static string Finish(Blake2b hash)
    {
        byte[] digest = new byte[hash.DigestSize];
        hash.Finish(digest);
        return Convert.ToHexStringLower(digest);
    }
}
