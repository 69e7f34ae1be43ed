using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Daemon;

/// <summary>GET and PATCH of a ticket while it is in use (daemon-api section 3).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class TicketStateTests(RunningDaemon daemon)
{
    private const int MiB = 1024 * 1024;

    [Fact(Timeout = 20_000)]
    public async Task Get_has_exactly_the_documented_keys()
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, "/no/image", 5, "read", "write"));

        using HttpResponseMessage response = await daemon.Control.GetAsync($"/tickets/{id}");
        string text = await response.Content.ReadAsStringAsync();
        JsonObject ticket = JsonNode.Parse(text)!.AsObject();

        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        Assert.EndsWith("}\n", text, StringComparison.Ordinal);
        long monotonic = Stopwatch.GetTimestamp() / Stopwatch.Frequency;
        Assert.InRange(ticket["expires"]!.GetValue<long>(), monotonic + 290, monotonic + 300);
        ticket.Remove("expires");
        Assert.Equal(
            $$"""
            {"active":false,"canceled":false,"connections":0,"idle_time":0,"inactivity_timeout":60,
            "ops":["read","write"],"size":5,"sparse":false,"dirty":false,"timeout":300,
            "url":"file:///no/image","uuid":"{{id}}","transfer_id":"(ticket/{{id[..18]}})"}
            """.ReplaceLineEndings(""),
            ticket.ToJsonString());
    }

    [Fact(Timeout = 20_000)]
    public async Task Get_tells_transferred_with_one_op_and_filename_when_given()
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, "/no/image", 5, "write").With("filename", "disk"));

        JsonObject ticket = await daemon.GetTicketAsync(id);

        Assert.Equal(0, ticket["transferred"]!.GetValue<long>());
        Assert.Equal("disk", ticket["filename"]!.GetValue<string>());
    }

    [Fact(Timeout = 20_000)]
    public async Task Unknown_ticket_is_404_and_keeps_the_connection()
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.ControlSocket);

        await client.RequestAsync("GET", "/tickets/unknown");
        (await client.ReceiveAsync()).AssertIsError(404);
        await client.SendAsync("PATCH /tickets/unknown HTTP/1.1\nHost: h\nContent-Length: 14\n\n{\"timeout\": 1}");
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(404);
        Assert.Null(response.Header("connection"));
        await client.AssertOpenAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("""{"timeout": null}""")]
    [InlineData("""{"timeout": true}""")]
    [InlineData("""{"timeout": -1}""")]
    [InlineData("""{"timeout": 1.5}""")]
    [InlineData("""{"timeout": "1"}""")]
    public async Task Patch_with_a_bad_value_is_400_also_for_an_unknown_ticket(string body)
    {
        using HttpResponseMessage response = await daemon.Control.PatchAsync(
            "/tickets/unknown", new StringContent(body));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact(Timeout = 20_000)]
    public async Task Overlapping_bytes_are_transferred_once_in_any_order()
    {
        TestImage image = await daemon.AddImageAsync(new byte[1000]);
        foreach ((int offset, int length) in (List<(int, int)>)[(500, 100), (0, 100), (50, 100), (500, 100)])
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, image.Url)
            {
                Content = new ByteArrayContent(new byte[length]),
            };
            request.Content.Headers.TryAddWithoutValidation("Content-Range", $"bytes {offset}-*/*");
            using HttpResponseMessage response = await daemon.Local.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        Assert.Equal(250, (await daemon.GetTicketAsync(image.Id))["transferred"]!.GetValue<long>());
    }

    [Fact(Timeout = 60_000)]
    public async Task Running_upload_is_active_and_its_progress_counts()
    {
        byte[] content = TestImage.Random(32 * MiB);
        TestImage image = await daemon.AddImageAsync(new byte[content.Length]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("PUT", image.Url, $"Content-Length: {content.Length}");
        await client.SendAsync(content[..^1]);

        await Eventually.HoldsAsync(
            async () =>
                (await daemon.GetTicketAsync(image.Id))["transferred"]!.GetValue<long>() > 0, "progress is reported");
        JsonObject running = await daemon.GetTicketAsync(image.Id);
        await client.SendAsync(content[^1..]);
        RawResponse response = await client.ReceiveAsync();
        JsonObject ended = await daemon.GetTicketAsync(image.Id);

        Assert.True(running["active"]!.GetValue<bool>());
        Assert.InRange(running["transferred"]!.GetValue<long>(), 1, content.Length - 1);
        Assert.Equal(200, response.Status);
        Assert.False(ended["active"]!.GetValue<bool>());
        Assert.Equal(content.Length, ended["transferred"]!.GetValue<long>());
        Assert.Equal(content, image.Content);
    }

    [Fact(Timeout = 60_000)]
    public async Task Download_of_which_the_client_took_one_byte_is_active_and_not_transferred()
    {
        TestImage image = await daemon.AddImageAsync(new byte[10 * MiB], "read");
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("GET", image.Url);
        await client.ReceiveAsync(hasBody: false);
        Assert.Single(await client.ReadAsync(1));

        JsonObject ticket = await daemon.GetTicketAsync(image.Id);

        Assert.True(ticket["active"]!.GetValue<bool>());
        Assert.InRange(ticket["transferred"]!.GetValue<long>(), 0, 2 * MiB);
    }

    [Fact(Timeout = 20_000)]
    public async Task Connections_of_both_services_count_until_they_close()
    {
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        using RawClient local = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        using RawClient remote = await RawClient.ConnectTlsAsync(daemon);
        using RawClient refused = await RawClient.ConnectTlsAsync(daemon);
        foreach (RawClient client in (RawClient[])[local, local, remote])
        {
            await client.RequestAsync("OPTIONS", image.Url);
            await client.ReceiveAsync();
        }

        await refused.RequestAsync("GET", image.Url, "Range: bytes=-1");
        await refused.ReceiveAsync();

        Assert.Equal(2, (await daemon.GetTicketAsync(image.Id))["connections"]!.GetValue<int>());
        local.Dispose();
        remote.Reset();
        await daemon.BecomesQuietAsync(image);
        Assert.Equal(0, (await daemon.GetTicketAsync(image.Id))["connections"]!.GetValue<int>());
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "", true)]
    [InlineData("GET", "Range: bytes=1-2", true)]
    [InlineData("HEAD", "", true)]
    [InlineData("OPTIONS", "", true)]
    [InlineData("PUT", "Content-Length: 0", true)]
    [InlineData("PATCH", "Content-Length: 15\n\n{\"op\": \"flush\"}", true)]
    [InlineData("PATCH", "Content-Length: 24\n\n{\"op\": \"zero\",\"size\":10}", true)]
    [InlineData("PATCH", "Content-Length: 24\n\n{\"op\": \"zero\",\"size\":11}", false)]
    [InlineData("PATCH", "Content-Length: 2\n\n{}", false)]
    [InlineData("GET", "Range: bytes=10-10", false)]
    [InlineData("GET", "Range: bytes=-1", false)]
    [InlineData("PUT", "Content-Length: 11", false)]
    [InlineData("PUT", "Content-Length: 0\nContent-Range: bytes", false)]
    public async Task Use_extends_the_ticket_and_a_refused_request_does_not(string method, string header, bool extends)
    {
        var time = new FakeTimeProvider();
        await using DaemonFixture timed = await DaemonFixture.StartAsync(time: time);
        string id = Guid.NewGuid().ToString();
        await timed.InstallAsync(TicketBody.For(id, timed.Files.CreateImage(new byte[10]), 10).With("timeout", 10));
        time.Advance(TimeSpan.FromSeconds(6));
        using (RawClient client = await RawClient.ConnectAsync(timed.Files.LocalSocket))
        {
            await client.RequestAsync(method, $"/images/{id}", header.Length == 0 ? [] : [header]);
            await client.ReceiveAsync(hasBody: method != "HEAD");
        }

        // The answer's last byte may come before the operation's end, which extends the ticket. The image closes after
        // its
        // connection, which counts as use for that moment.
        await Eventually.HoldsAsync(
            () => timed.Tickets.All.All(ticket => ticket is { IsActive: false, Connections: 0 }),
            "operation and connection have ended");
        Assert.Equal(extends ? 0 : 6, (await timed.GetTicketAsync(id))["idle_time"]!.GetValue<long>());
        time.Advance(TimeSpan.FromSeconds(6));

        using HttpResponseMessage response = await timed.Local.GetAsync($"/images/{id}");
        Assert.Equal(extends ? HttpStatusCode.OK : HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact(Timeout = 20_000)]
    public async Task Patch_sets_the_time_of_expired_tickets_too_and_zero_ends_it_now()
    {
        var time = new FakeTimeProvider();
        await using DaemonFixture timed = await DaemonFixture.StartAsync(time: time);
        TestImage image = await timed.AddImageAsync(new byte[10]);
        time.Advance(TimeSpan.FromSeconds(300));
        Assert.Equal(403, await StatusAsync(timed, image));

        await PatchAsync(timed, image, 10);
        JsonObject ticket = await timed.GetTicketAsync(image.Id);
        int afterPatch = await StatusAsync(timed, image);
        await PatchAsync(timed, image, 0);

        Assert.Equal(300, ticket["timeout"]!.GetValue<int>());
        Assert.Equal(300, ticket["idle_time"]!.GetValue<int>());
        Assert.Equal(200, afterPatch);
        Assert.Equal(403, await StatusAsync(timed, image));
    }

    [Fact(Timeout = 20_000)]
    public async Task Request_that_runs_when_the_ticket_expires_may_finish()
    {
        var time = new FakeTimeProvider();
        await using DaemonFixture timed = await DaemonFixture.StartAsync(time: time);
        TestImage image = await timed.AddImageAsync(new byte[10]);
        await PatchAsync(timed, image, 10);
        using RawClient client = await RawClient.ConnectAsync(timed.Files.LocalSocket);
        await client.RequestAsync("PUT", image.Url, "Content-Length: 10");
        await Eventually.HoldsAsync(() => timed.Tickets.All.Single().IsActive, "the upload runs");
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(403, await StatusAsync(timed, image));

        await client.SendAsync(new byte[10]);

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
    }

    private static async Task PatchAsync(DaemonFixture daemon, TestImage image, int timeout)
    {
        using HttpResponseMessage response = await daemon.Control.PatchAsync(
            $"/tickets/{image.Id}", new StringContent($$"""{"timeout": {{timeout}}}"""));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static async Task<int> StatusAsync(DaemonFixture daemon, TestImage image)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("GET", image.Url);
        return (await client.ReceiveAsync()).Status;
    }
}
