using System.Net;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>Metrics and health of the daemon at an address of their own (issue 18, 5).</summary>
public sealed class MonitorTests
{
    [Fact(Timeout = 30_000)]
    public async Task Monitor_serves_metrics_and_health_over_tcp_and_no_ticket_and_no_image()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync("[monitor]\naddress = 127.0.0.1:0\n");
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        using var monitor = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{daemon.MonitorPort}") };

        Assert.Equal("{\"status\":\"ok\"}\n", await monitor.GetStringAsync("/health/ready"));
        Assert.Equal("{\"status\":\"ok\"}\n", await monitor.GetStringAsync("/health/live"));
        Assert.Contains("imageio_", await monitor.GetStringAsync("/metrics"), StringComparison.Ordinal);

        foreach (string path in (string[])["/tickets",
            $"/tickets/{image.Id}", image.Url, $"{image.Url}/extents", "/info/"])
        {
            foreach (HttpMethod method in (HttpMethod[])[HttpMethod.Get,
                HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete])
            {
                using HttpResponseMessage refused = await monitor.SendAsync(new HttpRequestMessage(method, path));
                Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
            }
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Monitor_may_be_a_unix_socket()
    {
        string socket = Path.Combine(Path.GetTempPath(), $"monitor-{Guid.NewGuid():N}");
        await using DaemonFixture daemon = await DaemonFixture.StartAsync($"[monitor]\naddress = {socket}\n");
        using HttpClient monitor = DaemonClients.OverUnixSocket(socket);

        Assert.Equal("{\"status\":\"ok\"}\n", await monitor.GetStringAsync("/health/ready"));
    }

    [Fact(Timeout = 30_000)]
    public async Task Monitor_is_off_by_default()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync();

        Assert.Throws<InvalidOperationException>(() => daemon.MonitorPort);
        using HttpResponseMessage refused = await daemon.Remote.GetAsync("/metrics");
        Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
    }
}
