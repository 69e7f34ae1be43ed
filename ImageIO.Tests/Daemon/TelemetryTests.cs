using System.Diagnostics;
using ImageIO.Core.Errors;
using ImageIO.Core.Operations;
using ImageIO.Core.Ranges;
using ImageIO.Http.Hosting;
using ImageIO.Tests.Support;
using ImageIO.Web.Options;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>Traces to a collector, and that they cost nothing without one (issue 18, 5).</summary>
public sealed class TelemetryTests
{
    private const string Exporter = "OpenTelemetry.Exporter.OpenTelemetryProtocol.dll";

    [Fact(Timeout = 60_000)]
    public async Task Spans_are_sent_to_the_collector_with_the_transfer_and_without_the_tickets_id()
    {
        await using var collector = new TraceCollector();
        using var files = new DaemonFiles($"[telemetry]\notlp_endpoint = {collector.Url}\n");
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(
            TicketBody.For(id, files.CreateImage(new byte[1000]), 1000).With("transfer_id", "transfer-traced"));

        (await daemon.Remote.GetAsync($"/images/{id}")).EnsureSuccessStatusCode().Dispose();
        daemon.Signal(Signum.SIGTERM);
        Assert.Equal((0, ""), await daemon.ExitAsync());

        foreach (string text in (string[])["service.name",
            "ovirt-imageio", "GET /images/ID", "transfer-traced", "imageio.backend"])
        {
            Assert.Contains(text, collector.Received, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(id, collector.Received, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Without_a_collector_nothing_of_the_exporter_is_loaded()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        TestImage image = await daemon.AddImageAsync(new byte[1000]);

        (await daemon.Remote.GetAsync(image.Url)).EnsureSuccessStatusCode().Dispose();

        Assert.DoesNotContain(Exporter, File.ReadAllText($"/proc/{daemon.Id}/maps"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Collector_that_is_away_costs_neither_transfers_nor_the_stop_much()
    {
        using var files = new DaemonFiles("[telemetry]\notlp_endpoint = http://127.0.0.1:1\n");
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        TestImage image = await daemon.AddImageAsync(new byte[1000]);
        Assert.Contains(Exporter, File.ReadAllText($"/proc/{daemon.Id}/maps"), StringComparison.Ordinal);

        for (int i = 0; i < 100; i++)
        {
            (await daemon.Local.GetAsync(image.Url)).EnsureSuccessStatusCode().Dispose();
        }

        daemon.Signal(Signum.SIGTERM);
        Assert.Equal((0, ""), await daemon.ExitAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task Storage_call_that_fails_has_a_span_and_a_quick_one_has_none()
    {
        using var spans = new RecordedSpans();
        using var request = new Activity("test").SetParentId(spans.TraceParent).Start();
        request.ActivityTraceFlags = ActivityTraceFlags.Recorded;
        var faulty = new FaultyBackend(new MemoryBackend(512, Bytes.Random(1000)));
        faulty.Fail(BackendCall.Read, 2);
        await using StorageImage storage = StorageImage.On(faulty, () => []);

        await new ReadOperation(storage.Image, 1000, new ByteRange(0, 512), new ScriptedDestination()).RunAsync(
            CancellationToken.None);
        await Assert.ThrowsAsync<TransferException>(() =>
            new ReadOperation(storage.Image, 1000, new ByteRange(0, 512), new ScriptedDestination()).RunAsync(
                CancellationToken.None));

        Activity span = Assert.Single(spans.Ended);
        Assert.Equal(("storage read", "StorageFailed"), (span.DisplayName, span.GetTagItem("error.type")));
        Assert.Equal(ActivityStatusCode.Error, span.Status);
    }

    [Theory]
    [InlineData("http://127.0.0.1:4317", true)]
    [InlineData("https://collector.example.com/v1/traces", true)]
    [InlineData("", false)]
    public void Endpoint_of_the_configuration_switches_traces_on(string url, bool isEnabled)
    {
        TelemetrySettings settings = DaemonConfiguration.Read(
            IniFile.Parse("test.conf", ["[telemetry]", $"otlp_endpoint = {url}"])).Telemetry;

        Assert.Equal(isEnabled, settings.IsEnabled);
    }

    [Fact]
    public void Endpoint_that_is_no_url_is_refused()
    {
        var refused = Assert.Throws<ConfigurationException>(() => DaemonConfiguration.Read(
            IniFile.Parse("test.conf", ["[telemetry]", "otlp_endpoint = collector:4317"])));

        Assert.Contains("http://127.0.0.1:4317", refused.Message, StringComparison.Ordinal);
    }
}
