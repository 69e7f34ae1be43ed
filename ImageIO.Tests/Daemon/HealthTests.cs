using System.Net;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

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

    [Fact(Timeout = 30_000)]
    public async Task Draining_daemon_is_not_ready_and_the_manager_sees_its_transfers_end()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess own = await DaemonProcess.StartAsync(files);
        TestImage image = await own.AddImageAsync(new byte[10]);
        using RawClient upload = await RawClient.ConnectAsync(files.LocalSocket);
        await upload.RequestAsync("PUT", image.Url, "Content-Length: 10", "Expect: 100-continue");
        await upload.ReceiveAsync();
        using RawClient manager = await RawClient.ConnectAsync(files.ControlSocket);
        Assert.Equal(200, await GetAsync(manager, "/health/ready"));

        own.Signal(Signum.SIGTERM);
        await Eventually.HoldsAsync(
            async () => await GetAsync(manager, "/health/ready") == 503, "the daemon is not ready");
        // Closed sockets leave no file behind.
        await Eventually.HoldsAsync(() => !File.Exists(files.LocalSocket), "no client is accepted");

        Assert.Equal(200, await GetAsync(manager, "/health/live"));
        Assert.Equal(
            200, await GetAsync(manager, image.Url.Replace("/images/", "/tickets/", StringComparison.Ordinal)));
        await upload.SendAsync(new byte[10]);
        Assert.Equal(200, (await upload.ReceiveAsync()).Status);
        Assert.Equal((0, ""), await own.ExitAsync());
    }

    private static async Task<int> GetAsync(RawClient client, string path)
    {
        await client.RequestAsync("GET", path);
        return (await client.ReceiveAsync()).Status;
    }
}
