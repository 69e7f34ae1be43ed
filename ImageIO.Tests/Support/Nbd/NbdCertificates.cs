using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImageIO.Tests.Support.Nbd;

/// <summary>
/// An authority, a server's and a client's certificate, under the names that nbdkit and qemu look for.
/// </summary>
internal sealed class NbdCertificates
{
    public NbdCertificates(string directory, string serverName = "localhost")
    {
        Directory = System.IO.Directory.CreateDirectory(Path.Combine(directory, $"tls-{Guid.NewGuid():N}")).FullName;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 authority = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
        File.WriteAllText(AuthorityFile, authority.ExportCertificatePem());
        Issue(authority, "server", serverName, "1.3.6.1.5.5.7.3.1");
        Issue(authority, "client", "client", "1.3.6.1.5.5.7.3.2");
    }

    public string Directory { get; }

    public string AuthorityFile => Path.Combine(Directory, "ca-cert.pem");

    public string ClientCertificateFile => Path.Combine(Directory, "client-cert.pem");

    public string ClientKeyFile => Path.Combine(Directory, "client-key.pem");

    private void Issue(X509Certificate2 authority, string role, string name, string usage)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out IPAddress? address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(name);
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], critical: false));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        using X509Certificate2 issued = request.Create(
            authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(16));
        File.WriteAllText(Path.Combine(Directory, $"{role}-cert.pem"), issued.ExportCertificatePem());
        File.WriteAllText(Path.Combine(Directory, $"{role}-key.pem"), key.ExportPkcs8PrivateKeyPem());
    }
}
