using System.Security.Cryptography;

namespace ImageIO.Web.Checksums;

/// <summary>OpenSSL's hash, through the runtime. Uses the processor's instructions.</summary>
internal sealed class PlatformHash(HashAlgorithmName name) : SerialHash
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(name);

    public override int DigestSize => _hash.HashLengthInBytes;

    protected override void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    protected override void Finish(Span<byte> digest) => _hash.GetHashAndReset(digest);
}
