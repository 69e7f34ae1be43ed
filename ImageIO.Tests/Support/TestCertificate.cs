using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImageIO.Tests.Support;

/// <summary>A throwaway server certificate for the loopback address, as PEM files, and the trust in it alone.</summary>
internal sealed class TestCertificate
{
    private readonly X509Certificate2 _certificate;

    /// <param name="directory">Where its files go.</param>
    /// <param name="isForThisHost">Whether it bears the names of this host.</param>
    public TestCertificate(string directory, bool isForThisHost = true)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(
            isForThisHost ? "CN=localhost" : "CN=elsewhere.example", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (isForThisHost)
        {
            names.AddIpAddress(IPAddress.Loopback);
            names.AddIpAddress(IPAddress.IPv6Loopback);
        }

        names.AddDnsName(isForThisHost ? "localhost" : "elsewhere.example");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        _certificate = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
        CertificateFile = Path.Combine(directory, "cert.pem");
        KeyFile = Path.Combine(directory, "key.pem");
        File.WriteAllText(CertificateFile, _certificate.ExportCertificatePem());
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem());
    }

    public string CertificateFile { get; }

    public string KeyFile { get; }

    /// <summary>A chain policy that trusts this certificate and nothing else.</summary>
    public X509ChainPolicy Policy => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { _certificate },
        RevocationMode = X509RevocationMode.NoCheck,
    };
}
