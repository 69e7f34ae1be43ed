using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>
/// The two signatures of a signed ticket, by BouncyCastle: .NET's PSS only supports a salt as long as the hash, and
/// OpenSSL's policy on hardened hosts refuses SHA-1, which managers up to 4.4 sign with.
/// </summary>
internal static class RsaSignature
{
    /// <summary>RSA PKCS#1 v1.5 over a named hash.</summary>
    /// <returns>Null if a ticket may not use this hash.</returns>
    public static ISigner? WithHash(string digestName) =>
        DigestOf(digestName) is { } digest ? new RsaDigestSigner(digest) : null;

    /// <summary>RSA-PSS with SHA-256, MGF1-SHA-256 and the longest salt that the key permits. No other salt
    /// verifies.</summary>
    public static ISigner Pss(RsaKeyParameters key)
    {
        var hash = new Sha256Digest();
        // RFC 8017 section 9.1.1: the encoded message is one bit shorter than the modulus, and holds hash, salt and 2
        // bytes.
        int salt = ((key.Modulus.BitLength - 1 + 7) / 8) - hash.GetDigestSize() - 2;
        return new PssSigner(new RsaBlindedEngine(), hash, new Sha256Digest(), salt);
    }

    /// <summary>Whether a signature is this key's for these bytes.</summary>
    public static bool Verifies(
        ISigner signer, RsaKeyParameters key, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        // As long as the modulus, and a smaller number (RFC 8017 sections 8 and 5.2.2). The library accepts a shorter
        // one, and throws another exception for a larger one.
        byte[] bytes = signature.ToArray();
        if (bytes.Length != (key.Modulus.BitLength + 7) / 8 || new BigInteger(1, bytes).CompareTo(key.Modulus) >= 0)
        {
            return false;
        }

        signer.Init(false, key);
        signer.BlockUpdate(signed);
        return signer.VerifySignature(bytes);
    }

    private static IDigest? DigestOf(string name) => name switch
    {
        "sha1" => new Sha1Digest(),
        "sha256" => new Sha256Digest(),
        "sha384" => new Sha384Digest(),
        "sha512" => new Sha512Digest(),
        _ => null,
    };
}
