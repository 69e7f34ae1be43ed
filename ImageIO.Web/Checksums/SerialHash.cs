using ImageIO.Core.Operations;

namespace ImageIO.Web.Checksums;

/// <summary>A hash of one block at a time.</summary>
internal abstract class SerialHash : IBlockHash
{
    private static readonly byte[] Zeroes = new byte[64 * 1024];

    public abstract int DigestSize { get; }

    public int Lanes => 1;

    public void Append(ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        foreach (ReadOnlyMemory<byte> piece in pieces)
        {
            Append(piece.Span);
        }
    }

    public void AppendZeroes(int lane, long count)
    {
        for (; count > 0; count -= Math.Min(count, Zeroes.Length))
        {
            Append(Zeroes.AsSpan(0, (int)Math.Min(count, Zeroes.Length)));
        }
    }

    public void Finish(int lane, Span<byte> digest) => Finish(digest);

    protected abstract void Append(ReadOnlySpan<byte> bytes);

    protected abstract void Finish(Span<byte> digest);
}
