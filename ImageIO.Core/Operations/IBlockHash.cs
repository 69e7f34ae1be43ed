namespace ImageIO.Core.Operations;

/// <summary>An incremental hash. Used by one thread at a time.</summary>
public interface IBlockHash
{
    /// <summary>Bytes of a digest.</summary>
    int DigestSize { get; }

    /// <summary>Hashes more bytes.</summary>
    void Append(ReadOnlySpan<byte> bytes);

    /// <summary>Writes the digest of everything appended, and starts again.</summary>
    /// <param name="digest">Of <see cref="DigestSize"/> bytes.</param>
    void Finish(Span<byte> digest);
}
