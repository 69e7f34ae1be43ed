using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>Which daemons a proxy believes.</summary>
[Trait("Tls", "EachOpenSsl")]
public sealed class UpstreamTlsTests
{
    [Theory(Timeout = 20_000)]
    [InlineData("127.0.0.1", "ip:127.0.0.1", true)]
    [InlineData("127.0.0.1", "ip:127.0.0.2", false)]
    [InlineData("127.0.0.1", "dns:localhost", false)]
    [InlineData("127.0.0.1", "dns:127.0.0.1", false)]
    [InlineData("localhost", "dns:localhost", true)]
    [InlineData("LOCALHOST", "dns:localhost", true)]
    [InlineData("localhost.", "dns:localhost", false)]
    [InlineData("localhost", "dns:localhost.example", false)]
    [InlineData("localhost", "ip:127.0.0.1", false)]
    [InlineData("localhost", "dns:*.localhost", false)]
    public async Task Daemon_is_believed_by_the_name_or_address_that_the_ticket_gives(
        string host, string name, bool isBelieved)
    {
        await using Host daemon = Host.Start(name, TimeSpan.FromHours(-1), TimeSpan.FromHours(1));
        Assert.Equal(isBelieved ? 200 : 503, await RequestAsync(daemon, host, daemon.RootPem));
        Assert.Equal(isBelieved, daemon.WasAsked);
    }

    [Theory(Timeout = 20_000)]
    [InlineData(-48, -24)]
    [InlineData(24, 48)]
    public async Task Certificate_out_of_its_time_is_not_believed(int start, int end)
    {
        await using Host daemon = Host.Start("ip:127.0.0.1", TimeSpan.FromHours(start), TimeSpan.FromHours(end));
        Assert.Equal(503, await RequestAsync(daemon, "127.0.0.1", daemon.RootPem));
        Assert.False(daemon.WasAsked);
    }

    [Fact(Timeout = 20_000)]
    public async Task Certificate_of_another_authority_is_not_believed()
    {
        await using Host daemon = Host.Start("ip:127.0.0.1", TimeSpan.FromHours(-1), TimeSpan.FromHours(1));
        Assert.Equal(503, await RequestAsync(daemon, "127.0.0.1", authorities: ""));
        Assert.False(daemon.WasAsked);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("1.3.6.1.5.5.7.3.1", true)]
    [InlineData("1.3.6.1.5.5.7.3.2", false)]
    [InlineData("1.3.6.1.5.5.7.3.3", false)]
    public async Task Certificate_is_believed_if_it_is_a_servers(string purpose, bool isBelieved)
    {
        await using Host daemon = Host.Start("ip:127.0.0.1", TimeSpan.FromHours(-1), TimeSpan.FromHours(1), purpose);
        Assert.Equal(isBelieved ? 200 : 503, await RequestAsync(daemon, "127.0.0.1", daemon.RootPem));
        Assert.Equal(isBelieved, daemon.WasAsked);
    }

    // A process of its own: it reads where the system's authorities are when it first needs them.
    [Theory(Timeout = 60_000)]
    [InlineData(true, 200)]
    [InlineData(false, 503)]
    public async Task Systems_authorities_are_believed_where_no_file_is_named(bool isVouchedFor, int status)
    {
        await using Host host = Host.Start("ip:127.0.0.1", TimeSpan.FromHours(-1), TimeSpan.FromHours(1));
        await using Host other = Host.Start("ip:127.0.0.1", TimeSpan.FromHours(-1), TimeSpan.FromHours(1));
        using var files = new DaemonFiles("[tls]\nca_file =\n");
        string authorities = Path.Combine(files.Path, "system.pem");
        await File.WriteAllTextAsync(authorities, isVouchedFor ? host.RootPem : other.RootPem);
        await using DaemonProcess front = await DaemonProcess.StartAsync(
            files, new Dictionary<string, string> { ["SSL_CERT_FILE"] = authorities, ["SSL_CERT_DIR"] = files.Path });
        string ticket = TicketBody.For("image-1", "/", 1)
            .With("url", $"https://127.0.0.1:{host.Port}/images/x").ToJsonString();
        using HttpResponseMessage put = await front.Control.PutAsync("/tickets/image-1", new StringContent(ticket));
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);

        using HttpResponseMessage answer = await front.Local.GetAsync("/images/image-1");

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(status == 200, host.WasAsked);
    }

    private async Task<int> RequestAsync(Host daemon, string host, string authorities)
    {
        await using ProxyFixture proxy = await ProxyFixture.StartAsync();
        await File.AppendAllTextAsync(proxy.Files.AuthorityFile, "\n" + authorities);
        await proxy.InstallAsync("image-1", daemon.Port, host);
        using HttpResponseMessage answer = await proxy.Client.GetAsync("/images/image-1");
        return (int)answer.StatusCode;
    }

    // A daemon whose certificate an authority of its own has issued.
    private sealed class Host : IAsyncDisposable
    {
        private readonly ScriptedDaemon _daemon;

        private Host(string rootPem, X509Certificate2 certificate)
        {
            RootPem = rootPem;
            _daemon = new ScriptedDaemon(
                async connection =>
                {
                    await connection.ReadHeadAsync();
                    WasAsked = true;
                    await connection.SendAsync("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
                },
                certificate: certificate);
        }

        public string RootPem { get; }

        public int Port => _daemon.Port;

        public bool WasAsked { get; private set; }

        public static Host Start(string name, TimeSpan start, TimeSpan end, string? purpose = null)
        {
            DateTimeOffset now = TimeProvider.System.GetUtcNow();
            using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var authority = new CertificateRequest("CN=root of hosts", rootKey, HashAlgorithmName.SHA256);
            authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            using X509Certificate2 root = authority.CreateSelfSigned(now.AddDays(-5), now.AddDays(5));
            var request = new CertificateRequest("CN=host", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            if (name.StartsWith("ip:", StringComparison.Ordinal))
            {
                names.AddIpAddress(IPAddress.Parse(name[3..]));
            }
            else
            {
                names.AddDnsName(name[4..]);
            }

            request.CertificateExtensions.Add(names.Build());
            if (purpose is not null)
            {
                request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
            }

            using X509Certificate2 issued = request.Create(root, now + start, now + end, [1]);
            return new Host(root.ExportCertificatePem(), issued.CopyWithPrivateKey(key));
        }

        public async ValueTask DisposeAsync() => await _daemon.DisposeAsync();
    }
}
