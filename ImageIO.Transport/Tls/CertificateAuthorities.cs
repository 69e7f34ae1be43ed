using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Transport.Files;

namespace ImageIO.Transport.Tls;

/// <summary>
/// Trusted authorities from a PEM file, which is read again when it changes. If the file cannot be used, no authority
/// is trusted.
/// </summary>
/// <remarks>
/// Each certificate in the file is an anchor, self-signed or not: an administrator who lists an intermediate trusts it.
/// </remarks>
/// <param name="file">PEM: one certificate or more.</param>
public sealed class CertificateAuthorities(string file)
{
    /// <summary>The purpose of a TLS server (RFC 5280 section 4.2.1.12).</summary>
    public const string ServerPurpose = "1.3.6.1.5.5.7.3.1";

    private const string AnyPurpose = "2.5.29.37.0";

    private const X509ChainStatusFlags AboveTheAnchor = X509ChainStatusFlags.PartialChain
        | X509ChainStatusFlags.UntrustedRoot;

    private readonly ReloadedFile<X509Certificate2Collection> _anchors = new(file, ReadAnchors);

    /// <summary>Reads the file, so that a start with an unusable one fails.</summary>
    /// <exception cref="TransportException">The file is missing, or holds no certificate.</exception>
    public void Check()
    {
        try
        {
            _ = _anchors.Current();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new TransportException(
                $"Cannot use the certificate authorities in {file}: {e.Message} It must be a file of PEM certificates.",
                e);
        }
    }

    /// <summary>Whether a certificate leads to one of the authorities at this time and for this purpose.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <param name="intermediates">Further certificates that the peer sent.</param>
    /// <param name="time">When each link must be valid.</param>
    /// <param name="purpose">Required purpose of each link: an object identifier of an extended key usage. Null:
    /// any.</param>
    /// <exception cref="CryptographicException">The file holds no certificate.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The user has no permission to read the file.</exception>
    public bool VouchFor(
        X509Certificate2 certificate,
        X509Certificate2Collection intermediates, DateTimeOffset time, string? purpose = null)
    {
        X509Certificate2Collection anchors = _anchors.Current();
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(anchors);
        chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        // The managers' authority publishes no revocation lists, and a transfer must not wait for another web server.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = time.UtcDateTime;
        _ = chain.Build(certificate);

        // The platform requires a self-signed root at the end. We also accept a chain to any anchor, so we check what
        // the platform does not: the validity of a last link that is no root, and purposes.
        foreach (X509ChainElement element in chain.ChainElements)
        {
            if (element.ChainElementStatus.Any(
                status => (status.Status & ~AboveTheAnchor) != X509ChainStatusFlags.NoError)
                || !IsValid(element.Certificate, time) || !IsFor(element.Certificate, purpose))
            {
                return false;
            }

            if (anchors.Any(anchor => anchor.RawDataMemory.Span.SequenceEqual(element.Certificate.RawDataMemory.Span)))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsValid(X509Certificate2 certificate, DateTimeOffset time) =>
        certificate.NotBefore.ToUniversalTime() <= time.UtcDateTime
            && time.UtcDateTime <= certificate.NotAfter.ToUniversalTime();

    // A certificate without the extension has every purpose. An authority passes on no more than its own purposes.
    private static bool IsFor(X509Certificate2 certificate, string? purpose) => purpose is null
        || certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().All(extension =>
            extension.EnhancedKeyUsages.Cast<Oid>().Any(usage => usage.Value == purpose || usage.Value == AnyPurpose));

    private static X509Certificate2Collection ReadAnchors(string file)
    {
        var anchors = new X509Certificate2Collection();
        anchors.ImportFromPemFile(file);
        return anchors.Count > 0 ? anchors : throw new CryptographicException("There is no certificate in it.");
    }
}
