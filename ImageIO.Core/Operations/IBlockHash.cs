namespace ImageIO.Core.Operations;

/// <summary>Hashes of several blocks, computed piece by piece side by side. Used by one thread at a time.</summary>
public interface IBlockHash
{
    /// <summary>Bytes of a digest.</summary>
    int DigestSize { get; }

    /// <summary>Blocks that are hashed at once; 1 if a further one would gain nothing.</summary>
    int Lanes { get; }

    /// <summary>Hashes more bytes of some blocks.</summary>
    /// <param name="pieces">For each lane, from the first on; an empty piece changes nothing. Equally long ones are
    /// fastest.</param>
    void Append(ReadOnlySpan<ReadOnlyMemory<byte>> pieces);

    /// <summary>Hashes zeroes of one block.</summary>
    /// <param name="lane">Where the block is hashed.</param>
    /// <param name="count">Bytes.</param>
    void AppendZeroes(int lane, long count);

    /// <summary>Writes the digest of everything appended to a lane, and begins a new block there.</summary>
    /// <param name="lane">Where the block was hashed.</param>
    /// <param name="digest">Of <see cref="DigestSize"/> bytes.</param>
    void Finish(int lane, Span<byte> digest);
}
