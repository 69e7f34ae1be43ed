using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Tests.Support;

/// <summary>
/// A proxy's own directory: certificates, configuration, log; and the signer whose tickets it believes.
/// </summary>
internal sealed class ProxyFiles : IDisposable
{
    // The same for all proxies of the process: keys of RSA take long to find.
    private static readonly RSA SignerKey = RSA.Create(2048);
    private static readonly RSA AuthorityKey = RSA.Create(2048);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imageio-");

    /// <param name="time">The signer's clock. Null: the system's.</param>
    public ProxyFiles(TimeProvider? time = null)
    {
        Certificate = new TestCertificate(Path);
        WriteSigner();
        Signer = new TicketSigner("", SignerKey, time ?? TimeProvider.System);
        WriteConfiguration(ConfigurationFile, LogFile, MonitorSocket);
    }

    public string Path => _directory.FullName;

    public TestCertificate Certificate { get; }

    public TicketSigner Signer { get; }

    public string ConfigurationFile => PathOf("proxy.conf");

    public string LogFile => PathOf("log");

    /// <summary>The log of a proxy in this process in its other format.</summary>
    public string JsonLogFile => PathOf("log.json");

    public string MonitorSocket => PathOf("monitor");

    public string SignerKeyFile => PathOf("engine-key.pem");

    public string SignerCertificateFile => PathOf("engine.pem");

    public string AuthorityFile => PathOf("ca.pem");

    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes the configuration of a proxy with a log and a monitor socket of its own.</summary>
    /// <param name="file">Where to.</param>
    /// <param name="log">Its log.</param>
    /// <param name="monitorSocket">Its socket for metrics and health.</param>
    /// <param name="options">Further options, a line each.</param>
    public void WriteConfiguration(
        string file, string log, string monitorSocket, string options = "") => File.WriteAllText(file, $"""
        [proxy]
        host = 127.0.0.1
        port = 0
        ssl_key_file = {Certificate.KeyFile}
        ssl_cert_file = {Certificate.CertificateFile}
        engine_cert_file = {SignerCertificateFile}
        engine_ca_cert_file = {AuthorityFile}
        monitor_address = {monitorSocket}
        log_file = {log}
        {options}
        """);

    /// <summary>A signed ticket with this text in place of the signer's certificate, which readers ignore.</summary>
    public string SignWith(string certificate, DaemonAddress daemon, string id) => new TicketSigner(
        certificate, SignerKey, TimeProvider.System).Sign(
            daemon, id, "transfer-1", TimeSpan.FromMinutes(1), SignatureForms.Both);

    /// <summary>Lets the proxy believe a daemon with this certificate.</summary>
    public void Trust(TestCertificate certificate) =>
        File.AppendAllText(AuthorityFile, "\n" + File.ReadAllText(certificate.CertificateFile));

    /// <summary>The log so far; the proxy may still be writing to it.</summary>
    public string ReadLog() => Read(LogFile);

    /// <summary>Fails when a log holds an id that a test used.</summary>
    public void AssertNoSecretIsLogged()
    {
        foreach (string log in ((string[])[LogFile, JsonLogFile]).Where(File.Exists))
        {
            SecretsInLogs.AssertNotIn(Read(log));
        }
    }

    /// <summary>The content of a log so far.</summary>
    public static string Read(string log)
    {
        using var file = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    public void Dispose()
    {
        _directory.Delete(recursive: true);
    }

    private void WriteSigner()
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        var authority = new CertificateRequest(
            "CN=authority", AuthorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 issuer = authority.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        var request = new CertificateRequest(
            "CN=engine", SignerKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using X509Certificate2 signer = request.Create(issuer, now.AddHours(-1), now.AddDays(1), [1]);
        File.WriteAllText(AuthorityFile, issuer.ExportCertificatePem());
        File.WriteAllText(SignerCertificateFile, signer.ExportCertificatePem());
        File.WriteAllText(SignerKeyFile, SignerKey.ExportPkcs8PrivateKeyPem());
    }
}
