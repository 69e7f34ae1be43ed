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
    public async Task Draining_daemon_is_live_but_not_ready_to_who_is_connected()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess own = await DaemonProcess.StartAsync(files);
        var image = new TestImage(Guid.NewGuid().ToString(), files.CreateImage(new byte[10]));
        await own.InstallAsync(TicketBody.For(image.Id, image.Path, 10));
        using RawClient upload = await RawClient.ConnectAsync(files.LocalSocket);
        await upload.RequestAsync("PUT", image.Url, "Content-Length: 10", "Expect: 100-continue");
        await upload.ReceiveAsync();

        // Requests that have begun when the signal comes are answered: these end their heads after it.
        using RawClient ready = await RawClient.ConnectAsync(files.ControlSocket);
        using RawClient live = await RawClient.ConnectAsync(files.ControlSocket);
        await ready.SendAsync("GET /health/ready HTTP/1.1\nHost: test\n");
        await live.SendAsync("GET /health/live HTTP/1.1\nHost: test\n");
        own.Signal(Signum.SIGTERM);
        await Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    (await RawClient.ConnectAsync(files.ControlSocket)).Dispose();
                    return false;
                }
                catch (System.Net.Sockets.SocketException)
                {
                    return true;
                }
            },
            "nobody is accepted any more");

        await ready.SendAsync("\n");
        await live.SendAsync("\n");
        RawResponse notReady = await ready.ReceiveAsync();
        RawResponse alive = await live.ReceiveAsync();
        await upload.SendAsync(new byte[10]);

        Assert.Equal(200, (await upload.ReceiveAsync()).Status);
        Assert.Equal(503, notReady.Status);
        Assert.Equal("{\"status\":\"stopping\"}\n", notReady.Text);
        Assert.Equal(200, alive.Status);
    }
}
