using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Http.Forwarding;
using ImageIO.Http.Listeners;
using ImageIO.Proxy.Hosting;
using ImageIO.Proxy.Options;
using ImageIO.Proxy.SignedTickets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace ImageIO.Tests.Support;

/// <summary>The real proxy in the test process, with a certificate authority and a signer of tickets of its own.</summary>
public sealed class ProxyFixture : IAsyncLifetime, IAsyncDisposable
{
    private readonly string _options;
    private readonly TimeProvider _time;
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imageio-");
    private readonly RSA _signerKey = RSA.Create(2048);
    private readonly TestCertificate _certificate;
    private WebApplication? _app;

    public ProxyFixture()
        : this("", TimeProvider.System)
    {
    }

    private ProxyFixture(string options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _certificate = new TestCertificate(_directory.FullName);
        WriteSigner();
        Signer = new TicketSigner("", _signerKey, TimeProvider.System);
    }

    public HttpClient Client { get; private set; } = null!;

    public int Port { get; private set; }

    internal string ConfigurationFile => PathOf("proxy.conf");

    internal string LogFile => PathOf("log");

    internal string SignerKeyFile => PathOf("engine-key.pem");

    internal string SignerCertificateFile => PathOf("engine.pem");

    internal TicketSigner Signer { get; }

    internal ProxyTicketStore Tickets => _app!.Services.GetRequiredService<ProxyTicketStore>();

    internal ConnectionWatch Connections => _app!.Services.GetRequiredService<ConnectionWatch>();

    internal UpstreamPool Upstreams => _app!.Services.GetRequiredService<UpstreamPool>();

    /// <param name="options">Options that differ, in INI form.</param>
    /// <param name="time">The clock. Null: the system's.</param>
    public static async Task<ProxyFixture> StartAsync(string options = "", TimeProvider? time = null)
    {
        var proxy = new ProxyFixture(options, time ?? TimeProvider.System);
        await proxy.InitializeAsync();
        return proxy;
    }

    public async Task InitializeAsync()
    {
        File.WriteAllText(ConfigurationFile, $"""
            [proxy]
            host = 127.0.0.1
            port = 0
            ssl_key_file = {_certificate.KeyFile}
            ssl_cert_file = {_certificate.CertificateFile}
            engine_cert_file = {SignerCertificateFile}
            engine_ca_cert_file = {PathOf("ca.pem")}
            log_file = {LogFile}
            log_level = DEBUG
            {_options}
            """);
        _app = ProxyHost.Build(ProxyConfiguration.Load(ConfigurationFile), _time);
        await _app.StartAsync();
        Port = new Uri(_app.Urls.Single()).Port;
        Client = DaemonClients.OverTls(Port, _certificate);
    }

    async Task IAsyncLifetime.DisposeAsync() => await DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        _signerKey.Dispose();
        _directory.Delete(recursive: true);
    }

    /// <summary>A connection of a client, byte for byte.</summary>
    internal Task<RawClient> ConnectAsync() => RawClient.ConnectTlsAsync(Port, _certificate);

    /// <summary>Lets the proxy believe a daemon with this certificate.</summary>
    internal void Trust(TestCertificate certificate) =>
        File.AppendAllText(PathOf("ca.pem"), "\n" + File.ReadAllText(certificate.CertificateFile));

    /// <summary>A signed ticket for an image at a daemon on this host.</summary>
    internal string Sign(string id, int daemonPort, string host = "127.0.0.1") => Signer.Sign(
        new DaemonAddress(host, daemonPort), id, "transfer-1", TimeSpan.FromMinutes(10), SignatureForms.Pss);

    /// <summary>Installs a ticket as managers from 4.2.1 on do.</summary>
    internal async Task InstallAsync(string id, int daemonPort, string host = "127.0.0.1")
    {
        using HttpResponseMessage response = await Client.PutAsync("/tickets/", new StringContent(Sign(id, daemonPort, host)));
        response.EnsureSuccessStatusCode();
    }

    /// <summary>The log so far.</summary>
    internal string ReadLog()
    {
        using var file = new FileStream(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    private string PathOf(string name) => Path.Combine(_directory.FullName, name);

    private void WriteSigner()
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using var authorityKey = RSA.Create(2048);
        var authority = new CertificateRequest("CN=authority", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 issuer = authority.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        var request = new CertificateRequest("CN=engine", _signerKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using X509Certificate2 signer = request.Create(issuer, now.AddHours(-1), now.AddDays(1), [1]);
        File.WriteAllText(PathOf("ca.pem"), issuer.ExportCertificatePem());
        File.WriteAllText(SignerCertificateFile, signer.ExportCertificatePem());
        File.WriteAllText(SignerKeyFile, _signerKey.ExportPkcs8PrivateKeyPem());
    }
}
