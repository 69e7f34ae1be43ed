using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImageIO.Http.Hosting;

/// <summary>
/// The authorities that somebody trusts, from a PEM file that is read again when it changes. A file that cannot be used
/// trusts nobody: unlike a server's own certificate, old authorities are no help.
/// </summary>
/// <remarks>Each certificate in the file is an anchor, whether or not it is self-signed: who lists an intermediate means it.</remarks>
/// <param name="file">PEM: one certificate or more.</param>
public sealed class CertificateAuthorities(string file)
{
    private const X509ChainStatusFlags AboveTheAnchor = X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot;

    private readonly Lock _lock = new();
    private FileState _loadedFrom;
    private X509Certificate2Collection? _anchors;

    /// <summary>Reads the file, so that a start with a wrong one fails.</summary>
    /// <exception cref="ConfigurationException">It is missing, or holds no certificate.</exception>
    public void Check()
    {
        try
        {
            _ = Anchors();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"Cannot use the certificate authorities in {file}: {e.Message} It must be a file of PEM certificates.", e);
        }
    }

    /// <summary>Whether an authority vouches for a certificate at this time.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <param name="intermediates">Further certificates that its owner sent along.</param>
    /// <param name="time">When.</param>
    /// <exception cref="CryptographicException">The file holds no certificate.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public bool VouchFor(X509Certificate2 certificate, X509Certificate2Collection intermediates, DateTimeOffset time)
    {
        X509Certificate2Collection anchors = Anchors();
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(anchors);
        chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        // The managers' authority publishes no revocation, and no transfer waits for somebody's web server.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = time.UtcDateTime;
        if (chain.Build(certificate))
        {
            return true;
        }

        // The platform wants a chain to end in a self-signed root. One that reaches an anchor, with every link below it
        // in order, is as good.
        foreach (X509ChainElement element in chain.ChainElements)
        {
            if (element.ChainElementStatus.Any(status => (status.Status & ~AboveTheAnchor) != X509ChainStatusFlags.NoError))
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

    private X509Certificate2Collection Anchors()
    {
        lock (_lock)
        {
            var now = FileState.Of(file);
            if (_anchors is null || now != _loadedFrom)
            {
                _anchors = null;
                // Before reading: what changes meanwhile is read again next time.
                _loadedFrom = now;
                var anchors = new X509Certificate2Collection();
                anchors.ImportFromPemFile(file);
                _anchors = anchors.Count > 0 ? anchors : throw new CryptographicException("There is no certificate in it.");
            }

            return _anchors;
        }
    }
}
