using System.Diagnostics;
using ImageIO.Core.Diagnostics;
using ImageIO.Core.Errors;
using ImageIO.Http.Hosting;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
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
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files, TraceCollector.Soon);
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(
            TicketBody.For(id, files.CreateImage(new byte[1000]), 1000).With("transfer_id", "transfer-traced"));

        (await daemon.Remote.GetAsync($"/images/{id}")).EnsureSuccessStatusCode().Dispose();

        foreach (string text in (string[])["service.name",
            "ovirt-imageio", "GET /images/ID", "transfer-traced", "imageio.backend"])
        {
            await collector.ReceivedAsync(text);
        }

        // Spans that wait are sent when the daemon stops.
        using var options = new HttpRequestMessage(HttpMethod.Options, $"/images/{id}");
        (await daemon.Remote.SendAsync(options)).EnsureSuccessStatusCode().Dispose();
        daemon.Signal(Signum.SIGTERM);
        Assert.Equal((0, ""), await daemon.ExitAsync());
        Assert.Contains("OPTIONS /images/ID", collector.Received, StringComparison.Ordinal);
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
    public async Task Storage_call_that_fails_has_a_span_in_the_requests_trace()
    {
        using var spans = new RecordedSpans();
        using Activity request = spans.StartRequest();
        var faulty = new FaultyBackend(new MemoryBackend(512, Bytes.Random(1000)));
        faulty.Fail(BackendCall.Read, 1);
        await using StorageImage storage = StorageImage.On(faulty, () => []);

        await Assert.ThrowsAsync<TransferException>(() => storage.ReadAsync(0, 512));

        Activity span = Assert.Single(spans.Ended);
        Assert.Equal(("storage read", "StorageFailed"), (span.DisplayName, span.GetTagItem("error.type")));
        Assert.Equal(ActivityStatusCode.Error, span.Status);
        Assert.Equal(request.SpanId, span.ParentSpanId);
    }

    [Fact(Timeout = 30_000)]
    public async Task Storage_call_that_takes_long_has_a_span_as_long_as_the_call()
    {
        using var spans = new RecordedSpans();
        using Activity request = spans.StartRequest();
        var held = new FaultyBackend(new MemoryBackend(512, Bytes.Random(1000)));
        Held read = held.Hold(BackendCall.Read, 1);
        await using StorageImage storage = StorageImage.On(held, () => []);

        Task<byte[]> reading = storage.ReadAsync(0, 512);
        await LimitPassesAsync(read.Arrived);
        read.Release();
        await reading;

        Activity span = Assert.Single(spans.Ended, span => span.DisplayName == "storage read");
        Assert.True(span.Duration >= TransferTrace.Slow, $"the span took {span.Duration}");
        Assert.Equal("test", span.GetTagItem("imageio.backend"));
        Assert.Null(span.GetTagItem("error.type"));
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
        Assert.Equal(request.SpanId, span.ParentSpanId);
    }

    [Theory]
    [InlineData(99, false, false)]
    [InlineData(100, false, true)]
    [InlineData(1, true, true)]
    public void Storage_call_below_100_ms_that_succeeds_has_no_span(int milliseconds, bool fails, bool hasSpan)
    {
        using var spans = new RecordedSpans();
        using Activity request = spans.StartRequest();

        TransferTrace.StorageCallEnded(
            "write", "test", TimeSpan.FromMilliseconds(milliseconds), fails ? "StorageFailed" : null);

        Assert.Equal(hasSpan, spans.Ended.Count == 1);
    }

    [SkippableFact(Timeout = 60_000)]
    [Trait("Needs", "Root")]
    public async Task Slow_calls_of_a_real_storage_reach_the_collector()
    {
        using FuseStorage storage = FuseStorage.Mount();
        FuseFile image = storage.AddFile("image", new byte[8192]);
        await using var collector = new TraceCollector();
        using var files = new DaemonFiles($"[telemetry]\notlp_endpoint = {collector.Url}\n");
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files, TraceCollector.Soon);
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, image.Path, 8192));
        FuseGate opening = storage.When(FuseOperation.Open).Hang();
        FuseGate writing = storage.When(FuseOperation.Write).Hang();

        Task<HttpResponseMessage> answer =
            daemon.Remote.PutAsync($"/images/{id}", new ByteArrayContent(Bytes.Random(8192)));
        await LimitPassesAsync(opening.ReachedAsync());
        opening.Open();
        await LimitPassesAsync(writing.ReachedAsync());
        writing.Open();
        (await answer).EnsureSuccessStatusCode().Dispose();

        await collector.ReceivedAsync("storage open");
        await collector.ReceivedAsync("storage write");
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

    // After a call has begun to stand still.
    private static async Task LimitPassesAsync(Task begun)
    {
        await begun;
        long start = TimeProvider.System.GetTimestamp();
        await Eventually.HoldsAsync(
            () => TimeProvider.System.GetElapsedTime(start) > TransferTrace.Slow, "the limit has passed");
    }
}
