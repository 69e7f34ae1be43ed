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
    private readonly string? _authorityFile;
    private readonly Lock _lock = new();
    private (FileState Signer, FileState Authority) _loadedFrom;
    private Loaded? _loaded;

    /// <summary>Names the files; they are read when they are needed.</summary>
    /// <param name="file">PEM: the signer's certificate.</param>
    /// <param name="authorityFile">PEM: the authority's. Null: the signer's is trusted as it is.</param>
    public SignerCertificate(string file, string? authorityFile)
    {
        _file = file;
        _authorityFile = authorityFile;
    }

    /// <summary>Reads both files, so that a start with wrong ones fails.</summary>
    /// <exception cref="ConfigurationException">A file is missing, or is not what it should be.</exception>
    public void Check()
    {
        try
        {
            Load();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"Cannot use engine_cert_file {_file} with engine_ca_cert_file {_authorityFile ?? "(none)"}: {e.Message} "
                + "Both must be PEM certificates, the first one's key RSA.",
                e);
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
            Loaded loaded = Load();
            return _authorityFile is null || IsSignedBy(loaded.Authorities, loaded.Certificate, now)
                ? loaded.Key
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

    private Loaded Load()
    {
        lock (_lock)
        {
            (FileState, FileState) now = (FileState.Of(_file), _authorityFile is null ? default : FileState.Of(_authorityFile));
            if (_loaded is null || now != _loadedFrom)
            {
                _loaded = null;
                // Before reading: what changes meanwhile is read again next time.
                _loadedFrom = now;
                X509Certificate2Collection authorities = [];
                if (_authorityFile is not null)
                {
                    authorities.ImportFromPemFile(_authorityFile);
                }

                X509Certificate2 certificate = X509CertificateLoader.LoadCertificateFromFile(_file);
                _loaded = new Loaded(certificate, authorities, Key(certificate));
            }

            return _loaded;
        }
    }

    private static bool IsSignedBy(X509Certificate2Collection authorities, X509Certificate2 certificate, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        // The managers' authority publishes no revocation, and no ticket waits for somebody's web server.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        return chain.Build(certificate);
    }

    private static RsaKeyParameters Key(X509Certificate2 certificate)
    {
        using RSA rsa = certificate.GetRSAPublicKey() ?? throw new CryptographicException("The signer's key is not an RSA key.");
        return rsa.KeySize >= SmallestKeyBits
            ? DotNetUtilities.GetRsaPublicKey(rsa)
            : throw new CryptographicException($"The signer's key has {rsa.KeySize} bits, at least {SmallestKeyBits} are needed.");
    }

    // With the key, because the library checks that its modulus is no prime: tens of milliseconds, not for each ticket.
    private sealed record Loaded(X509Certificate2 Certificate, X509Certificate2Collection Authorities, RsaKeyParameters Key);
}
