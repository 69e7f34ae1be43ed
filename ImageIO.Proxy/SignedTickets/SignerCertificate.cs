using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Transport.Files;
using ImageIO.Transport.Tls;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>
/// The certificate whose key signs tickets, read again when its file changes, and the authority that must have signed
/// it. If a file cannot be used, no ticket is trusted: unlike a server's own certificate, an old one must not stay in
/// use.
/// </summary>
public sealed class SignerCertificate
{
    // The minimum of NIST SP 800-131A. It also leaves room for the salt.
    private const int SmallestKeyBits = 2048;

    private readonly string _file;
    private readonly CertificateAuthorities? _authorities;
    private readonly ReloadedFile<Loaded> _loaded;

    /// <summary>Names the files. They are read on demand.</summary>
    /// <param name="file">PEM: the signer's certificate.</param>
    /// <param name="authorityFile">PEM: the authority's. Null: the signer is trusted without one.</param>
    public SignerCertificate(string file, string? authorityFile)
    {
        _file = file;
        _loaded = new ReloadedFile<Loaded>(file, Read);
        _authorities = authorityFile is null ? null : new CertificateAuthorities(authorityFile);
    }

    /// <summary>Reads both files, so that a start with wrong ones fails.</summary>
    /// <exception cref="ConfigurationException">A file is missing or malformed.</exception>
    public void Check()
    {
        _authorities?.Check();
        try
        {
            _ = _loaded.Current();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"Cannot use engine_cert_file {_file}: {e.Message} It must be a PEM certificate with an RSA key.", e);
        }
    }

    /// <summary>The signer's public key, if the signer is trusted at this time.</summary>
    /// <exception cref="ImageIO.Core.Errors.TransferException">
    /// <see cref="ImageIO.Core.Errors.TransferError.SignedTicketRefused"/>: not trusted, or the files cannot be read.
    /// </exception>
    internal RsaKeyParameters KeyAt(DateTimeOffset now)
    {
        try
        {
            Loaded loaded = _loaded.Current();
            return _authorities is null || _authorities.VouchFor(loaded.Certificate, [], now)
                ? loaded.Key
                : throw SignedTicket.Refused("its signer is not trusted by the authority, or not at this time");
        }
        catch (Exception e) when (e is CryptographicException
            or UnauthorizedAccessException or IOException and not Core.Errors.TransferException)
        {
            throw new Core.Errors.TransferException(
                Core.Errors.TransferError.SignedTicketRefused,
                "The signed ticket is refused: the proxy cannot read its signer's certificate",
                e);
        }
    }

    private static Loaded Read(string file)
    {
        X509Certificate2 certificate = X509CertificateLoader.LoadCertificateFromFile(file);
        return new Loaded(certificate, Key(certificate));
    }

    private static RsaKeyParameters Key(X509Certificate2 certificate)
    {
        using RSA rsa = certificate.GetRSAPublicKey() ?? throw new CryptographicException(
            "The signer's key is not an RSA key.");
        return rsa.KeySize >= SmallestKeyBits
            ? DotNetUtilities.GetRsaPublicKey(rsa)
            : throw new CryptographicException(
                $"The signer's key has {rsa.KeySize} bits, at least {SmallestKeyBits} are needed.");
    }

    // With the key, because the library tests its modulus for primes, which takes tens of milliseconds.
    private sealed record Loaded(X509Certificate2 Certificate, RsaKeyParameters Key);
}
