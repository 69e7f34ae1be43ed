using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>Failed requests leave nothing behind, and no secret in the log.</summary>
public sealed class FailedRequestTests
{
    [Fact(Timeout = 60_000)]
    public async Task Thousand_failed_requests_leave_no_descriptor()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        var image = new TestImage(Guid.NewGuid().ToString(), files.CreateImage(new byte[10]));
        await InstallAsync(daemon.Control, image);
        int count = 0;
        async Task FailTimesAsync(int times)
        {
            for (int i = 0; i < times; i++)
            {
                await FailAsync(files.LocalSocket, Broken(image)[count++ % Broken(image).Count]);
            }
        }

        // The first ones load what the daemon keeps open for good.
        await FailTimesAsync(50);
        int before = OpenFiles.CountAll(daemon.Id);
        await FailTimesAsync(1000);

        await Eventually.HoldsAsync(
            () => OpenFiles.CountAll(daemon.Id) <= before, $"at most {before} descriptors are open");
    }

    [Fact(Timeout = 60_000)]
    public async Task Failed_requests_leave_no_buffer_connection_or_operation()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync();
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        foreach (string request in Broken(image))
        {
            await FailAsync(daemon.Files.LocalSocket, request);
        }

        await daemon.BecomesQuietAsync(image);
        await Eventually.HoldsAsync(() => daemon.Connections.Count == 1, "only the control connection is left");
    }

    [Fact(Timeout = 60_000)]
    public async Task No_ticket_id_is_in_any_line_of_the_debug_log()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        var image = new TestImage(Guid.NewGuid().ToString(), files.CreateImage(new byte[10]));
        var missing = new TestImage(Guid.NewGuid().ToString(), $"{files.Path}/missing");
        string unknown = Guid.NewGuid().ToString();
        await InstallAsync(daemon.Control, image);
        await InstallAsync(daemon.Control, missing);
        foreach (string request in (List<string>)
            [.. Broken(image), .. Broken(missing), .. Broken(new TestImage(unknown, "")),
             $"PUT {image.Url} HTTP/1.1\nHost: h\nContent-Length: 1\n\nx",
             $"OPTIONS {image.Url} HTTP/1.1\nHost: h\n\n"])
        {
            await FailAsync(files.LocalSocket, request);
        }

        foreach (string id in (string[])[image.Id, missing.Id, unknown])
        {
            foreach (string body in (string[])["{}", "{\"timeout\": 0}", "{\"timeout\": 300}"])
            {
                (await daemon.Control.PatchAsync($"/tickets/{id}", new StringContent(body))).Dispose();
            }

            (await daemon.Control.PutAsync($"/tickets/{id}", new StringContent($$"""{"uuid": "{{id}}"}"""))).Dispose();
            (await daemon.Control.GetAsync($"/tickets/{id}")).Dispose();
            (await daemon.Control.DeleteAsync($"/tickets/{id}")).Dispose();
        }

        daemon.Signal(Mono.Unix.Native.Signum.SIGTERM);
        (int status, string errors) = await daemon.ExitAsync();

        string log = files.ReadLog() + errors;
        Assert.Equal(0, status);
        Assert.True(log.Split('\n').Length > 50, "The log is at work");
        foreach (string id in (string[])[image.Id, missing.Id, unknown])
        {
            Assert.DoesNotContain(id, log, StringComparison.OrdinalIgnoreCase);
        }
    }

    // Requests that fail, each in its own way; some need no answer.
    private static List<string> Broken(TestImage image) =>
    [
        $"GET {image.Url}x HTTP/1.1\nHost: h\n\n",
        $"GET {image.Url} HTTP/1.1\nHost: h\nRange: bytes=-1\n\n",
        $"GET {image.Url} HTTP/1.1\nHost: h\nRange: bytes=10-\n\n",
        $"HEAD {image.Url} HTTP/1.1\nHost: h\nRange: bytes=10-\n\n",
        $"PUT {image.Url} HTTP/1.1\nHost: h\nContent-Length: 11\n\n12345678901",
        $"PUT {image.Url} HTTP/1.1\nHost: h\nContent-Length: 5\nContent-Range: wrong\n\n12345",
        $"PUT {image.Url} HTTP/1.1\nHost: h\nContent-Length: 5\n\n12",
        $"PUT {image.Url} HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\nzz\n",
        $"PUT {image.Url} HTTP/1.1\nHost: h\n\n",
        $"PATCH {image.Url} HTTP/1.1\nHost: h\nContent-Length: 2\n\n{{}}",
        $"PATCH {image.Url} HTTP/1.1\nHost: h\nContent-Length: 28\n\n{{\"op\": \"zero\", \"size\":    11}}",
        $"DELETE {image.Url} HTTP/1.1\nHost: h\n\n",
        $"FETCH {image.Url} HTTP/1.1\nHost: h\n\n",
        $"GET {image.Url} HTTP/9.9\nHost: h\n\n",
        $"GET {image.Url}{new string('x', 5000)} HTTP/1.1\nHost: h\n\n",
        $"GET {image.Url}",
        "\0\0\0\0\n\n",
    ];

    // Sends it, ends the client's side, and reads until the daemon has ended its own.
    private static async Task FailAsync(string socket, string request)
    {
        using RawClient client = await RawClient.ConnectAsync(socket);
        await client.SendAsync(request);
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        while ((await client.ReadAsync(1000)).Length > 0)
        {
            // The answer, if there is one, is not the point here.
        }
    }

    private static async Task InstallAsync(HttpClient control, TestImage image)
    {
        using HttpResponseMessage response = await control.PutAsync(
            $"/tickets/{image.Id}", new StringContent(TicketBody.For(image.Id, image.Path, 10).ToJsonString()));
        response.EnsureSuccessStatusCode();
    }
}
