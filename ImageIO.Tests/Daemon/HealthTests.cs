using System.Net;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>/health/live and /health/ready on the control service (daemon-api section 1).</summary>
public sealed class HealthTests(DaemonFixture daemon) : IClassFixture<DaemonFixture>
{
    [Theory(Timeout = 20_000)]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    public async Task Running_daemon_is_live_and_ready_on_the_control_service_only(string path)
    {
        using HttpResponseMessage healthy = await daemon.Control.GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, healthy.StatusCode);
        Assert.Equal("application/json", healthy.Content.Headers.ContentType!.MediaType);
        Assert.Equal("{\"status\":\"ok\"}\n", await healthy.Content.ReadAsStringAsync());
        foreach (HttpClient other in (HttpClient[])[daemon.Remote, daemon.Local])
        {
            using HttpResponseMessage refused = await other.GetAsync(path);
            Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
        }
    }
}
