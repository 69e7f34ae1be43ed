using ImageIO.Client.Transport;
using ImageIO.Hashing;

namespace ImageIO.Client.Copying;

/// <summary>
/// The server's checksum of an image, computed from the digests of its blocks while they are copied, in any order of
/// segments.
/// Thread-safe for different segments.
/// </summary>
internal sealed class BlockDigests
{
    /// <summary>The server's name of the algorithm.</summary>
    public const string Algorithm = ImageChecksum.DefaultAlgorithm;

    private const int DigestSize = 32;

    private static readonly byte[] Zeroes = new byte[64 * 1024];

    private readonly byte[] _digests;
    private readonly byte[] _zeroDigest = new byte[DigestSize];

    public BlockDigests(long size)
    {
        Size = size;
        _digests = new byte[size / Segment.Block * DigestSize];
        Blake2b zero = NewHash();
        AppendZeroes(zero, Segment.Block);
        zero.Finish(_zeroDigest);
    }

    /// <summary>Bytes of the image.</summary>
    public long Size { get; }

    /// <summary>The hash of the last, partial block, which continues with zeroes if the server's image is
    /// larger.</summary>
    internal Blake2b? Tail { get; set; }

    /// <summary>Starts at the start of a block.</summary>
    public DigestRun Begin(long offset) => new(this, offset);

    /// <summary>The checksum of a larger image with zeroes behind ours.</summary>
    /// <param name="size">Bytes, at least ours.</param>
    public string Finish(long size)
    {
        Blake2b all = NewHash();
        all.Append(_digests);
        byte[] digest = new byte[DigestSize];
        long position = Size / Segment.Block * Segment.Block;
        if (Tail is { } tail)
        {
            Blake2b last = tail.Copy();
            AppendZeroes(last, Math.Min(size, position + Segment.Block) - Size);
            last.Finish(digest);
            all.Append(digest);
            position += Segment.Block;
        }

        for (; position + Segment.Block <= size; position += Segment.Block)
        {
            all.Append(_zeroDigest);
        }

        if (position < size)
        {
            Blake2b rest = NewHash();
            AppendZeroes(rest, size - position);
            rest.Finish(digest);
            all.Append(digest);
        }

        all.Finish(digest);
        return Convert.ToHexStringLower(digest);
    }

    internal static Blake2b NewHash() => new(DigestSize);

    internal static void AppendZeroes(Blake2b hash, long length)
    {
        for (; length > 0; length -= Zeroes.Length)
        {
            hash.Append(Zeroes.AsSpan(0, (int)Math.Min(length, Zeroes.Length)));
        }
    }

    internal Span<byte> DigestOf(long blockStart) => _digests.AsSpan(
        (int)(blockStart / Segment.Block * DigestSize), DigestSize);

    internal void SetZero(long blockStart) => _zeroDigest.CopyTo(DigestOf(blockStart));
}
