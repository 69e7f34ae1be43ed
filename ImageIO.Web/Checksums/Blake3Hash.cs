using Blake3;

namespace ImageIO.Web.Checksums;

/// <summary>BLAKE3, whose tree uses all lanes of the processor's vectors for one block.</summary>
internal sealed class Blake3Hash : SerialHash
{
    private readonly Hasher _hash = Hasher.New();

    public override int DigestSize => Hash.Size;

    protected override void Append(ReadOnlySpan<byte> bytes) => _hash.Update(bytes);

    protected override void Finish(Span<byte> digest)
    {
        _hash.Finalize(digest);
        _hash.Reset();
    }
}
