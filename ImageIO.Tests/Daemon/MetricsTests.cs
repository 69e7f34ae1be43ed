using System.Net;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>/metrics on the control service: Prometheus text (daemon-api section 1).</summary>
/// <remarks>A process for each test: what is measured belongs to the whole process, where other tests run daemons
/// too.</remarks>
public sealed class MetricsTests : IAsyncLifetime
{
    private readonly DaemonFiles _files = new();
    private DaemonProcess _daemon = null!;

    public async Task InitializeAsync() => _daemon = await DaemonProcess.StartAsync(_files);

    public async Task DisposeAsync()
    {
        await _daemon.DisposeAsync();
        _files.Dispose();
    }

    [Fact(Timeout = 20_000)]
    public async Task Remote_and_local_service_have_no_metrics()
    {
        foreach (HttpClient client in (HttpClient[])[_daemon.Remote, _daemon.Local])
        {
            using HttpResponseMessage response = await client.GetAsync("/metrics");
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Hostless_scrape_of_the_control_service_is_prometheus_text()
    {
        using RawClient client = await RawClient.ConnectAsync(_files.ControlSocket);

        await client.SendAsync("GET /metrics HTTP/1.1\n\n");
        RawResponse response = await client.ReceiveAsync(hasBody: false);

        Assert.Equal(200, response.Status);
        Assert.StartsWith("text/plain", response.Header("content-type"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Transfers_are_counted_by_operation_and_backend()
    {
        TestImage image = await _daemon.AddImageAsync(new byte[10_000]);
        (await _daemon.Local.PutAsync(image.Url, new ByteArrayContent(Bytes.Random(10_000)))).Dispose();
        await _daemon.Local.GetByteArrayAsync(image.Url);
        (await _daemon.Local.PatchAsync(image.Url, new StringContent("""{"op": "zero", "size": 5000}"""))).Dispose();
        (await _daemon.Local.PatchAsync(image.Url, new StringContent("""{"op": "flush"}"""))).Dispose();
        await _daemon.Local.GetStringAsync($"{image.Url}/checksum");

        string[] metrics = await ScrapeAsync();

        foreach ((string operation, int bytes) in new[] { ("write", 10_000), ("read", 10_000), ("zero", 5_000) })
        {
            Assert.Equal(bytes, PrometheusText.Value(
                metrics, "imageio_io_bytes_total", $"operation=\"{operation}\"", "backend=\"file\""));
        }

        foreach (string operation in (string[])["read", "write", "zero", "flush", "checksum"])
        {
            Assert.Equal(1, PrometheusText.Value(
                metrics, "imageio_operations_total", $"operation=\"{operation}\"", "backend=\"file\"",
                "outcome=\"success\""));
            Assert.Equal(0, PrometheusText.Value(metrics, "imageio_operations_running", $"operation=\"{operation}\""));
        }

        foreach (string call in (string[])["read", "write", "zero", "flush"])
        {
            double calls = PrometheusText.Value(
                metrics, "imageio_storage_duration_seconds_count", $"call=\"{call}\"", "backend=\"file\"");
            Assert.True(calls >= 1, call);
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Running_operations_connections_tickets_and_buffers_are_gauges()
    {
        TestImage running = await _daemon.AddImageAsync(new byte[100]);
        TestImage idle = await _daemon.AddImageAsync(new byte[100]);
        TestImage expired = await _daemon.AddImageAsync(new byte[100]);
        (await _daemon.Control.PatchAsync($"/tickets/{expired.Id}", new StringContent("""{"timeout": 0}"""))).Dispose();
        using RawClient client = await RawClient.ConnectAsync(_files.LocalSocket);
        await client.RequestAsync("PUT", running.Url, "Content-Length: 100", "Expect: 100-continue");
        await client.ReceiveAsync();

        string[] metrics = await ScrapeAsync();

        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_operations_running", "operation=\"write\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_tickets", "state=\"active\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_tickets", "state=\"idle\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_tickets", "state=\"expired\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_connections", "service=\"local\""));
        Assert.True(PrometheusText.Value(metrics, "imageio_connections", "service=\"control\"") >= 1);
        Assert.True(PrometheusText.Value(metrics, "imageio_buffers_small_bytes") > 0);
        Assert.Equal(0, PrometheusText.Value(metrics, "imageio_buffers_rented_bytes"));
        Assert.True(
            PrometheusText.Value(metrics, "imageio_buffers_allocated_bytes")
            >= PrometheusText.Value(metrics, "imageio_buffers_small_bytes"));
        Assert.Equal(64 * 1024 * 1024, PrometheusText.Value(metrics, "imageio_buffers_ceiling_bytes"));
        Assert.DoesNotContain(metrics, line => line.Contains(running.Id, StringComparison.Ordinal));
        Assert.DoesNotContain(metrics, line => line.Contains(idle.Id, StringComparison.Ordinal));
    }

    [Fact(Timeout = 20_000)]
    public async Task Errors_are_counted_by_reason()
    {
        TestImage image = await _daemon.AddImageAsync([1], "read");
        string missing = Guid.NewGuid().ToString();
        await _daemon.InstallAsync(TicketBody.For(missing, "/no/such/image", 1));
        string[] targets =
        [
            "/images/unknown", "/images/unknown", $"{image.Url}/extents?context=x", "/none", $"/images/{missing}",
        ];
        foreach (string target in targets)
        {
            (await _daemon.Local.GetAsync(target)).Dispose();
        }

        (await _daemon.Local.PutAsync(image.Url, new ByteArrayContent([1]))).Dispose();
        string[] metrics = await ScrapeAsync();

        Assert.Equal(2, PrometheusText.Value(metrics, "imageio_errors_total", "reason=\"TicketUnknown\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_errors_total", "reason=\"InvalidRequest\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_errors_total", "reason=\"ResourceUnknown\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_errors_total", "reason=\"ImageUnavailable\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_errors_total", "reason=\"OperationNotPermitted\""));
    }

    [Fact(Timeout = 20_000)]
    public async Task Expiry_of_the_certificate_in_use_and_a_failed_renewal_are_gauges()
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificateFromFile(
            _files.Certificate.CertificateFile);
        File.WriteAllText(_files.Certificate.CertificateFile, "broken");
        (await _daemon.Remote.GetAsync("/info/")).Dispose();

        string[] metrics = await ScrapeAsync();

        Assert.Equal(
            new DateTimeOffset(certificate.NotAfter).ToUnixTimeSeconds(),
            PrometheusText.Value(metrics, "imageio_tls_certificate_expiry_seconds"));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_tls_reload_failing"));
    }

    [Fact(Timeout = 20_000)]
    public async Task Every_metric_of_ours_has_its_row_in_the_operations_page_and_no_other_does()
    {
        TestImage image = await _daemon.AddImageAsync([1]);
        (await _daemon.Local.PutAsync(image.Url, new ByteArrayContent([1]))).Dispose();
        (await _daemon.Local.GetAsync("/none")).Dispose();

        IEnumerable<string> served = (await ScrapeAsync())
            .Where(line => line.StartsWith("# TYPE imageio_", StringComparison.Ordinal))
            .Select(line => line.Split(' ')[2]);
        IEnumerable<string> documented = RepositoryFiles.ReadLines("docs", "operations.md")
            .Where(line => line.StartsWith("| `imageio_", StringComparison.Ordinal))
            .Select(line => line.Split('`')[1]);

        Assert.Equal(served.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    // Once in each test: the exporter gives the same answer again for a moment.
    private async Task<string[]> ScrapeAsync() => (await _daemon.Control.GetStringAsync("/metrics")).Split('\n');
}
