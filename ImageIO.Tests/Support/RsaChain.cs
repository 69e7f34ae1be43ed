using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImageIO.Tests.Support;

/// <summary>A root, an intermediate, and a server's certificate for this host with an RSA key.</summary>
internal sealed class RsaChain : IDisposable
{
    private readonly X509Certificate2 _intermediate;
    private readonly X509Certificate2 _server;
    private readonly RSA _key;

    private RsaChain(X509Certificate2 root, X509Certificate2 intermediate, X509Certificate2 server, RSA key)
    {
        Root = root;
        _intermediate = intermediate;
        _server = server;
        _key = key;
    }

    public X509Certificate2 Root { get; }

    public static RsaChain Create()
    {
        DateTimeOffset start = TimeProvider.System.GetUtcNow().AddHours(-1);
        DateTimeOffset end = start.AddDays(1);
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var intermediateKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var key = RSA.Create(2048);
        X509Certificate2 root = Authority("CN=root", rootKey).CreateSelfSigned(start, end);
        X509Certificate2 intermediate = Authority("CN=intermediate", intermediateKey)
            .Create(root, start, end, [1]).CopyWithPrivateKey(intermediateKey);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        X509Certificate2 server = request.Create(
            intermediate.SubjectName, X509SignatureGenerator.CreateForECDsa(intermediateKey), start, end, [2]);
        return new RsaChain(root, intermediate, server, key);
    }

    /// <summary>
    /// Writes them as a server has them: its certificate, then the intermediate; the root is not there.
    /// </summary>
    public void Install(string certificateFile, string keyFile)
    {
        File.WriteAllText(
            certificateFile, _server.ExportCertificatePem() + "\n" + _intermediate.ExportCertificatePem() + "\n");
        File.WriteAllText(keyFile, _key.ExportPkcs8PrivateKeyPem());
    }

    public void Dispose()
    {
        Root.Dispose();
        _intermediate.Dispose();
        _server.Dispose();
        _key.Dispose();
    }

    private static CertificateRequest Authority(string name, ECDsa key)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request;
    }
}
