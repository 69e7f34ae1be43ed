using System.Security.Cryptography;
using ImageIO.Core.Operations;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;

namespace ImageIO.Web.Checksums;

/// <summary>The hash algorithms of checksums, by the names of Python's hashlib.</summary>
internal static class HashAlgorithms
{
    /// <summary>The default algorithm: fast in software, and as strong as SHA-3 (RFC 7693).</summary>
    public const string Default = "blake2b";

    // 32 bytes, as the reference computes both. blake2b's own default of 64 would only lengthen the list of digests.
    private const int Blake2Bits = 256;

    private static readonly SortedDictionary<string, Func<IBlockHash>> ByName = new(StringComparer.Ordinal)
    {
        ["blake2b"] = () => new ManagedHash(new Blake2bDigest(Blake2Bits)),
        ["blake2s"] = () => new ManagedHash(new Blake2sDigest(Blake2Bits)),
        ["md5"] = () => new PlatformHash(HashAlgorithmName.MD5),
        ["sha1"] = () => new PlatformHash(HashAlgorithmName.SHA1),
        ["sha224"] = () => new ManagedHash(new Sha224Digest()),
        ["sha256"] = () => new PlatformHash(HashAlgorithmName.SHA256),
        ["sha384"] = () => new PlatformHash(HashAlgorithmName.SHA384),
        ["sha512"] = () => new PlatformHash(HashAlgorithmName.SHA512),
        ["sha3_224"] = () => new ManagedHash(new Sha3Digest(224)),
        ["sha3_256"] = () => new ManagedHash(new Sha3Digest(256)),
        ["sha3_384"] = () => new ManagedHash(new Sha3Digest(384)),
        ["sha3_512"] = () => new ManagedHash(new Sha3Digest(512)),
    };

    /// <summary>All names, sorted.</summary>
    public static IEnumerable<string> Names => ByName.Keys;

    /// <summary>A factory for hashes of an algorithm; null if the name is unknown.</summary>
    public static Func<IBlockHash>? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>OpenSSL's hash, through the runtime. Uses the processor's instructions.</summary>
    private sealed class PlatformHash(HashAlgorithmName name) : IBlockHash
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(name);

        public int DigestSize => _hash.HashLengthInBytes;

        public void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

        public void Finish(Span<byte> digest) => _hash.GetHashAndReset(digest);
    }

    /// <summary>BouncyCastle's hash, for algorithms that the runtime lacks on all or some distributions.</summary>
    private sealed class ManagedHash(IDigest digest) : IBlockHash
    {
        public int DigestSize => digest.GetDigestSize();

        public void Append(ReadOnlySpan<byte> bytes) => digest.BlockUpdate(bytes);

        public void Finish(Span<byte> result) => digest.DoFinal(result);
    }
}
