using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>Certificates that are renewed under a running daemon (daemon-api section 1).</summary>
[Trait("Tls", "EachOpenSsl")]
public sealed class TlsReloadTests : IAsyncLifetime
{
    private readonly List<ImageDirectory> _directories = [];
    private DaemonFixture _daemon = null!;

    public async Task InitializeAsync() => _daemon = await DaemonFixture.StartAsync();

    public async Task DisposeAsync()
    {
        await _daemon.DisposeAsync();
        _directories.ForEach(directory => directory.Dispose());
    }

    [Fact(Timeout = 30_000)]
    public async Task New_connections_get_the_new_certificate_and_running_ones_go_on()
    {
        TestImage image = await _daemon.AddImageAsync(new byte[10], "read");
        using RawClient running = await RawClient.ConnectTlsAsync(_daemon);
        TestCertificate renewed = Create();

        Install(renewed.CertificateFile, _daemon.Files.Certificate.CertificateFile);
        Install(renewed.KeyFile, _daemon.Files.Certificate.KeyFile);

        Assert.Equal(Thumbprint(renewed.CertificateFile), await HandshakeAsync());
        await running.RequestAsync("GET", image.Url);
        Assert.Equal(200, (await running.ReceiveAsync()).Status);
        Assert.Contains("New TLS certificate", _daemon.Files.ReadLog(), StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Certificate_without_its_key_waits_until_the_key_is_written()
    {
        string old = Thumbprint(_daemon.Files.Certificate.CertificateFile);
        TestCertificate renewed = Create();
        string expected = Thumbprint(renewed.CertificateFile);

        Install(renewed.CertificateFile, _daemon.Files.Certificate.CertificateFile);
        string between = await HandshakeAsync();
        Install(renewed.KeyFile, _daemon.Files.Certificate.KeyFile);
        string after = await HandshakeAsync();

        Assert.Equal((old, expected), (between, after));
    }

    [Theory(Timeout = 30_000)]
    [InlineData("")]
    [InlineData("no PEM at all\n")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    [InlineData(null)]
    public async Task Broken_new_file_keeps_the_old_certificate_and_log_and_metric_tell(string? content)
    {
        string file = _daemon.Files.Certificate.CertificateFile;
        string good = File.ReadAllText(file);
        string old = Thumbprint(file);

        File.Delete(file);
        if (content is not null)
        {
            File.WriteAllText(file, content);
        }

        Assert.Equal(old, await HandshakeAsync());
        Assert.Equal(old, await HandshakeAsync());
        Assert.True(_daemon.IsTlsReloadFailing, "The metric tells");
        string log = _daemon.Files.ReadLog();
        Assert.Single(log.Split('\n'), line =>
            line.Contains("ERROR", StringComparison.Ordinal)
                && line.Contains("Cannot use the changed TLS files", StringComparison.Ordinal));
        Assert.Contains(file, log, StringComparison.Ordinal);

        File.WriteAllText(file, good);
        Assert.Equal(old, await HandshakeAsync());
        Assert.False(_daemon.IsTlsReloadFailing, "The metric tells that all is well again");
    }

    [Fact(Timeout = 60_000)]
    [Trait("Speed", "Slow")]
    public async Task Certificate_swapped_100_times_under_load_fails_no_request()
    {
        byte[] content = Bytes.Random(200_000);
        TestImage image = await _daemon.AddImageAsync(content, "read");
        TestCertificate[] certificates = [Create(), Create()];
        string[] known = [.. certificates.Select(certificate => Thumbprint(certificate.CertificateFile)),
            Thumbprint(_daemon.Files.Certificate.CertificateFile)];
        var seen = new ConcurrentDictionary<string, int>();
        using var stop = new CancellationTokenSource();

        // Two clients with a new connection for each request, and one that keeps its connection.
        Task<int>[] load =
        [
            LoadAsync(image, content, known, seen, reconnect: true, stop.Token),
            LoadAsync(image, content, known, seen, reconnect: true, stop.Token),
            LoadAsync(image, content, known, seen, reconnect: false, stop.Token),
        ];
        for (int swap = 0; swap < 100; swap++)
        {
            TestCertificate next = certificates[swap % 2];
            Install(next.CertificateFile, _daemon.Files.Certificate.CertificateFile);
            Install(next.KeyFile, _daemon.Files.Certificate.KeyFile);
            Assert.Equal(Thumbprint(next.CertificateFile), await HandshakeAsync());
        }

        await stop.CancelAsync();
        int[] requests = await Task.WhenAll(load);

        Assert.All(requests, count => Assert.True(count > 0, "The load ran"));
        Assert.All(certificates, certificate =>
            Assert.True(seen.ContainsKey(Thumbprint(certificate.CertificateFile)), "Both were served"));
    }

    private static string Thumbprint(string certificateFile)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificateFromFile(certificateFile);
        return certificate.Thumbprint;
    }

    // As managers do it: beside it, then in its place.
    private static void Install(string file, string destination)
    {
        File.Copy(file, destination + ".new", overwrite: true);
        File.Move(destination + ".new", destination, overwrite: true);
    }

    private TestCertificate Create()
    {
        var directory = new ImageDirectory();
        _directories.Add(directory);
        return new TestCertificate(directory.Path);
    }

    private async Task<string> HandshakeAsync()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, _daemon.RemotePort);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            // Which certificate is the question here, so any will do.
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        });
        return tls.RemoteCertificate!.GetCertHashString();
    }

    private async Task<int> LoadAsync(
        TestImage image,
        byte[] content,
        string[] known,
        ConcurrentDictionary<string, int> seen,
        bool reconnect,
        CancellationToken stop)
    {
        using var client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    string thumbprint = certificate!.GetCertHashString();
                    seen[thumbprint] = 1;
                    return known.Contains(thumbprint);
                },
            },
        });
        int requests = 0;
        do
        {
            byte[] received = await client.GetByteArrayAsync(
                $"https://127.0.0.1:{_daemon.RemotePort}{image.Url}?close={(reconnect ? "y" : "n")}",
                CancellationToken.None);
            Bytes.AssertEqual(content, received, "the download");
            requests++;
        }
        while (!stop.IsCancellationRequested);
        return requests;
    }
}
