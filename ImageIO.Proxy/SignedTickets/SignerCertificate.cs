using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Http.Hosting;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>
/// The certificate whose key signs tickets, from a file that is read again when it changes, and the authority that must
/// have signed it. A file that cannot be used trusts nobody: unlike a server's own certificate, an old one is no help.
/// </summary>
public sealed class SignerCertificate
{
    // What NIST SP 800-131A still allows; it also leaves room for the salt.
    private const int SmallestKeyBits = 2048;

    private readonly string _file;
    private readonly CertificateAuthorities? _authorities;
    private readonly Lock _lock = new();
    private FileState _loadedFrom;
    private X509Certificate2? _certificate;

    /// <summary>Names the files; they are read when they are needed.</summary>
    /// <param name="file">PEM: the signer's certificate.</param>
    /// <param name="authorityFile">PEM: the authority's. Null: the signer's is trusted as it is.</param>
    public SignerCertificate(string file, string? authorityFile)
    {
        _file = file;
        _authorities = authorityFile is null ? null : new CertificateAuthorities(authorityFile);
    }

    /// <summary>Reads both files, so that a start with wrong ones fails.</summary>
    /// <exception cref="ConfigurationException">A file is missing, or is not what it should be.</exception>
    public void Check()
    {
        _authorities?.Check();
        try
        {
            _ = Key(Load());
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"Cannot use engine_cert_file {_file}: {e.Message} It must be a PEM certificate with an RSA key.", e);
        }
    }

    /// <summary>The signer's public key, if the signer is to be trusted at this time.</summary>
    /// <exception cref="ImageIO.Core.Errors.TransferException">
    /// <see cref="ImageIO.Core.Errors.TransferError.SignedTicketRefused"/>: it is not, or nobody knows.
    /// </exception>
    internal RsaKeyParameters KeyAt(DateTimeOffset now)
    {
        try
        {
            X509Certificate2 certificate = Load();
            return _authorities is null || _authorities.VouchFor(certificate, [], now)
                ? Key(certificate)
                : throw SignedTicket.Refused("its signer is not trusted by the authority, or not at this time");
        }
        catch (Exception e) when (e is CryptographicException or UnauthorizedAccessException or IOException and not Core.Errors.TransferException)
        {
            throw new Core.Errors.TransferException(
                Core.Errors.TransferError.SignedTicketRefused,
                "The signed ticket is refused: the proxy cannot read its signer's certificate",
                e);
        }
    }

    private X509Certificate2 Load()
    {
        lock (_lock)
        {
            var now = FileState.Of(_file);
            if (_certificate is null || now != _loadedFrom)
            {
                _certificate = null;
                // Before reading: what changes meanwhile is read again next time.
                _loadedFrom = now;
                _certificate = X509CertificateLoader.LoadCertificateFromFile(_file);
            }

            return _certificate;
        }
    }

    private static RsaKeyParameters Key(X509Certificate2 certificate)
    {
        using RSA rsa = certificate.GetRSAPublicKey() ?? throw new CryptographicException("The signer's key is not an RSA key.");
        return rsa.KeySize >= SmallestKeyBits
            ? DotNetUtilities.GetRsaPublicKey(rsa)
            : throw new CryptographicException($"The signer's key has {rsa.KeySize} bits, at least {SmallestKeyBits} are needed.");
    }
}
