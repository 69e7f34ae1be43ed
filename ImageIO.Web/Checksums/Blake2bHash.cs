using ImageIO.Core.Operations;
using ImageIO.Hashing;

namespace ImageIO.Web.Checksums;

/// <summary>BLAKE2b of several blocks, one in each lane of the processor's vectors.</summary>
internal sealed class Blake2bHash(int digestSize) : IBlockHash
{
    private readonly Blake2bLanes _lanes = new(digestSize);

    public int DigestSize => _lanes.DigestSize;

    public int Lanes => _lanes.Count;

    public void Append(ReadOnlySpan<ReadOnlyMemory<byte>> pieces) => _lanes.Append(pieces);

    public void AppendZeroes(int lane, long count) => _lanes.AppendZeroes(lane, count);

    public void Finish(int lane, Span<byte> digest) => _lanes.Finish(lane, digest);
}
