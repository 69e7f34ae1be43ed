using Org.BouncyCastle.Crypto;

namespace ImageIO.Web.Checksums;

/// <summary>BouncyCastle's hash, for algorithms that the runtime lacks on all or some distributions.</summary>
internal sealed class ManagedHash(IDigest digest) : SerialHash
{
    public override int DigestSize => digest.GetDigestSize();

    protected override void Append(ReadOnlySpan<byte> bytes) => digest.BlockUpdate(bytes);

    protected override void Finish(Span<byte> result) => digest.DoFinal(result);
}
