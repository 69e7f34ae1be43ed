using System.Security.Cryptography;
using ImageIO.Core.Operations;
using Org.BouncyCastle.Crypto.Digests;

namespace ImageIO.Web.Checksums;

/// <summary>The hash algorithms of checksums, by the names of Python's hashlib, and BLAKE3.</summary>
internal static class HashAlgorithms
{
    /// <summary>The default algorithm: fast in software, and as strong as SHA-3 (RFC 7693).</summary>
    public const string Default = "blake2b";

    // 32 bytes, as the reference computes both. blake2b's own default of 64 would only lengthen the list of digests.
    private const int Blake2Size = 32;

    private static readonly SortedDictionary<string, Func<IBlockHash>> ByName = new(StringComparer.Ordinal)
    {
        ["blake2b"] = () => new Blake2bHash(Blake2Size),
        ["blake2s"] = () => new ManagedHash(new Blake2sDigest(Blake2Size * 8)),
        ["blake3"] = () => new Blake3Hash(),
        ["md5"] = () => new PlatformHash(HashAlgorithmName.MD5),
        ["sha1"] = () => new PlatformHash(HashAlgorithmName.SHA1),
        ["sha224"] = () => new ManagedHash(new Sha224Digest()),
        ["sha256"] = () => new PlatformHash(HashAlgorithmName.SHA256),
        ["sha384"] = () => new PlatformHash(HashAlgorithmName.SHA384),
        ["sha512"] = () => new PlatformHash(HashAlgorithmName.SHA512),
        ["sha3_224"] = () => new ManagedHash(new Sha3Digest(224)),
        ["sha3_256"] = () => Sha3(256, HashAlgorithmName.SHA3_256, SHA3_256.IsSupported),
        ["sha3_384"] = () => Sha3(384, HashAlgorithmName.SHA3_384, SHA3_384.IsSupported),
        ["sha3_512"] = () => Sha3(512, HashAlgorithmName.SHA3_512, SHA3_512.IsSupported),
    };

    /// <summary>All names, sorted.</summary>
    public static IEnumerable<string> Names => ByName.Keys;

    /// <summary>A factory for hashes of an algorithm; null if the name is unknown.</summary>
    public static Func<IBlockHash>? Find(string name) => ByName.GetValueOrDefault(name);

    // OpenSSL before 1.1.1 has no SHA-3.
    private static IBlockHash Sha3(int bits, HashAlgorithmName name, bool isInPlatform) =>
        isInPlatform ? new PlatformHash(name) : new ManagedHash(new Sha3Digest(bits));
}
