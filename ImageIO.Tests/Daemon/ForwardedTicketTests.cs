using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// Tickets whose URL is another daemon's: forwarded, with this daemon's rules around (proxy-api, third generation).
/// </summary>
public sealed class ForwardedTicketTests : IAsyncLifetime
{
    private readonly DaemonFixture _host = new();
    private DaemonFixture _front = null!;
    private HttpClient _control = null!;

    public async Task InitializeAsync()
    {
        await _host.InitializeAsync();
        // As a manager configures the daemon that stands before its hosts, with free ports in place of 54323 and 54324.
        _front = await DaemonFixture.StartAsync($"""
            [remote]
            port = 0
            [local]
            enable = false
            [control]
            transport = tcp
            port = 0
            remove_timeout = 5
            [backend_http]
            ca_file = {_host.Files.Certificate.CertificateFile}
            """);
        _control = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_front.ControlPort}") };
    }

    public async Task DisposeAsync()
    {
        _control.Dispose();
        await _front.DisposeAsync();
        await _host.DisposeAsync();
    }

    [Fact(Timeout = 30_000)]
    public async Task Upload_and_download_go_to_the_other_daemon_and_are_counted_here()
    {
        byte[] content = Bytes.Random(3_000_000);
        TestImage image = await _host.AddImageAsync(new byte[content.Length]);
        string writer = await InstallAsync(image, content.Length, ticket => ticket["ops"] = new JsonArray("write"));
        string reader = await InstallAsync(image, content.Length, ticket => ticket["ops"] = new JsonArray("read"));

        using HttpResponseMessage put = await _front.Remote.PutAsync(writer, new ByteArrayContent(content));
        byte[] received = await _front.Remote.GetByteArrayAsync(reader);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, put);
        Bytes.AssertEqual(content, image.Content, "the image");
        Bytes.AssertEqual(content, received, "the download");
        foreach (string url in (string[])[writer, reader])
        {
            await Eventually.HoldsAsync(
                async () => !(await TicketAsync(url))["active"]!.GetValue<bool>(), "it has ended");
            JsonObject ticket = await TicketAsync(url);
            Assert.Equal(content.Length, ticket["transferred"]!.GetValue<long>());
            Assert.Equal(1, ticket["connections"]!.GetValue<int>());
        }
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "Range: bytes=100-200", 416)]
    [InlineData("GET", "Range: bytes=100-", 416)]
    [InlineData("GET", "Range: bytes=0-99", 206)]
    [InlineData("PUT", "Content-Range: bytes 50-150/*", 416)]
    public async Task Size_is_this_daemons_tickets(string method, string header, int status)
    {
        TestImage image = await _host.AddImageAsync(Bytes.Random(1000));
        string url = await InstallAsync(image, 100);
        using RawClient client = await RawClient.ConnectTlsAsync(_front);

        await client.RequestAsync(method, url, method == "PUT" ? [header, "Content-Length: 101"] : [header]);

        Assert.Equal(status, (await client.ReceiveAsync()).Status);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("", 200, 0, null)]
    [InlineData("bytes=40-", 206, 40, "bytes 40-99/100")]
    public async Task What_lies_beyond_this_daemons_ticket_is_not_shown(
        string range, int status, int first, string? contentRange)
    {
        TestImage image = await _host.AddImageAsync(Bytes.Random(1000), "read");
        string url = await InstallAsync(image, 100);
        using RawClient client = await RawClient.ConnectTlsAsync(_front);

        await client.RequestAsync("GET", url, range.Length > 0 ? [$"Range: {range}"] : []);
        RawResponse answer = await client.ReceiveAsync();

        Assert.Equal(status, answer.Status);
        Assert.Equal(contentRange, answer.Header("content-range"));
        Bytes.AssertEqual(image.Content.AsSpan(first, 100 - first), answer.Body, "the answer");
    }

    [Fact(Timeout = 20_000)]
    public async Task Chunked_upload_that_passes_the_ticket_is_416()
    {
        TestImage image = await _host.AddImageAsync(new byte[1000]);
        string url = await InstallAsync(image, 100);
        using var request = new HttpRequestMessage(HttpMethod.Put, url)
        {
            Content = new ByteArrayContent(new byte[101]),
        };
        request.Headers.TransferEncodingChunked = true;

        using HttpResponseMessage put = await _front.Remote.SendAsync(request);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.RequestedRangeNotSatisfiable, put);
    }

    [Fact(Timeout = 20_000)]
    public async Task What_this_daemons_ticket_does_not_permit_is_403_although_the_other_daemons_does()
    {
        TestImage image = await _host.AddImageAsync(new byte[10]);
        string url = await InstallAsync(image, 10, ticket => ticket["ops"] = new JsonArray("read"));

        using HttpResponseMessage put = await _front.Remote.PutAsync(url, new ByteArrayContent([1]));
        using HttpResponseMessage patch = await _front.Remote.PatchAsync(url, new StringContent("""{"op": "flush"}"""));
        using HttpResponseMessage unknown = await _front.Remote.GetAsync("/images/unknown");
        JsonNode options = await OptionsAsync(url);

        Assert.Equal(HttpStatusCode.Forbidden, put.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, patch.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, unknown.StatusCode);
        Assert.Equal("""["checksum","extents"]""", options["features"]!.ToJsonString());
    }

    [Fact(Timeout = 20_000)]
    public async Task Patch_extents_checksum_and_options_are_the_other_daemons()
    {
        TestImage image = await _host.AddImageAsync(Bytes.Random(8192));
        string url = await InstallAsync(image, 8192);

        foreach (string body in (string[])["""{"op": "zero", "size": 4096}""", """{"op": "flush"}"""])
        {
            using HttpResponseMessage patch = await _front.Remote.PatchAsync(url, new StringContent(body));
            await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, patch);
        }

        Assert.True(image.Content.AsSpan(0, 4096).IndexOfAnyExcept((byte)0) < 0);
        foreach (string subResource in (string[])["/extents", "/checksum"])
        {
            Assert.Equal(
                await _host.Remote.GetStringAsync(image.Url + subResource),
                await _front.Remote.GetStringAsync(url + subResource));
        }

        JsonNode options = await OptionsAsync(url);
        Assert.Equal("""["checksum","extents","flush","zero"]""", options["features"]!.ToJsonString());
        Assert.Equal(8, options["max_readers"]!.GetValue<int>());
        Assert.Null(options["unix_socket"]);
        using HttpResponseMessage dirty = await _front.Remote.GetAsync($"{url}/extents?context=dirty");
        Assert.Equal(HttpStatusCode.NotFound, dirty.StatusCode);
    }

    [Fact(Timeout = 20_000)]
    public async Task Options_tell_the_narrower_of_both_tickets()
    {
        TestImage image = await _host.AddImageAsync(new byte[8192]);
        string url = await InstallAsync(image, 5000, ticket =>
        {
            ticket["ops"] = new JsonArray("read");
            ticket["filename"] = "disk.raw";
            ticket["timeout"] = 70;
        });

        JsonNode options = await OptionsAsync(url);

        Assert.Equal(5000, options["size"]!.GetValue<long>());
        Assert.Equal("""["read"]""", options["ops"]!.ToJsonString());
        Assert.Equal("disk.raw", options["filename"]!.GetValue<string>());
        Assert.InRange(options["expires_in"]!.GetValue<long>(), 60, 70);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("PUT")]
    [InlineData("GET")]
    public async Task Removing_the_ticket_ends_what_runs_on_both_daemons(string method)
    {
        const int Size = 64 * 1024 * 1024;
        TestImage image = method == "PUT" ? await _host.AddImageAsync([]) : await SparseAsync(Size);
        await _host.InstallAsync(TicketBody.For(image.Id, image.Path, Size));
        string url = await InstallAsync(image, Size);
        using RawClient client = await RawClient.ConnectTlsAsync(_front);
        await client.RequestAsync(method, url, method == "PUT" ? [$"Content-Length: {Size}"] : []);
        await client.SendAsync(method == "PUT" ? new byte[1000] : []);
        await Eventually.HoldsAsync(() => _host.Tickets.All.Single().IsActive, "it runs at the other daemon");

        using HttpResponseMessage removed = await _control.DeleteAsync($"/tickets/{url[8..]}");

        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        Assert.Empty(_front.Tickets.All);
        await Eventually.HoldsAsync(() => !_host.Tickets.All.Single().IsActive, "it has ended at the other daemon");
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("OPTIONS")]
    public async Task Ticket_whose_url_leads_back_here_is_508_after_one_round(string method)
    {
        Trust(_front);
        string url = await InstallAsync("self", $"https://127.0.0.1:{_front.RemotePort}/images/self");
        using RawClient client = await RawClient.ConnectTlsAsync(_front);

        await client.RequestAsync(method, url, method == "PUT" ? ["Content-Length: 5"] : []);
        RawResponse answer = await client.ReceiveAsync();

        answer.AssertIsError(508);
        // The client's, ours to ourselves.
        Assert.InRange(_front.Connections.Count, 1, 3);
    }

    [Fact(Timeout = 20_000)]
    public async Task Chain_of_forwarders_that_reaches_itself_is_508()
    {
        await using DaemonFixture other = await DaemonFixture.StartAsync(
            $"[backend_http]\nca_file = {_host.Files.Certificate.CertificateFile}");
        Trust(_front);
        Trust(other);
        string url = await InstallAsync("chain", $"https://127.0.0.1:{other.RemotePort}/images/chain");
        await other.InstallAsync(
            TicketBody.For("chain", "/", 100).With("url", $"https://127.0.0.1:{_front.RemotePort}/images/chain"));

        using HttpResponseMessage get = await _front.Remote.GetAsync(url);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.LoopDetected, get);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("https://host:99999/images/x")]
    [InlineData("https:///images/x")]
    [InlineData("https:host/images/x")]
    [InlineData("https://user@host/images/x")]
    public async Task Url_that_nobody_can_forward_to_is_400(string url)
    {
        using HttpResponseMessage put = await _control.PutAsync(
            "/tickets/x", new StringContent(TicketBody.For("x", "/", 1).With("url", url).ToJsonString()));

        Assert.Equal(HttpStatusCode.BadRequest, put.StatusCode);
        Assert.Empty(_front.Tickets.All);
    }

    [Fact(Timeout = 20_000)]
    public async Task Ticket_without_a_daemon_behind_it_can_be_installed_and_is_503_when_it_is_used()
    {
        using HttpResponseMessage put = await _control.PutAsync(
            "/tickets/x",
            new StringContent(TicketBody.For("x", "/", 1).With("url", "https://:::1/images/secret").ToJsonString()));
        using HttpResponseMessage get = await _front.Remote.GetAsync("/images/x");

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, put);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, get.StatusCode);
        Assert.Equal("https://:::1/images/secret", (await TicketAsync("/images/x"))["url"]!.GetValue<string>());
        Assert.DoesNotContain("secret", _front.Files.ReadLog(), StringComparison.Ordinal);
    }

    private async Task<TestImage> SparseAsync(long size)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), _host.Files.CreateSparseImage(size));
        await _host.InstallAsync(TicketBody.For(image.Id, image.Path, size));
        return image;
    }

    // A ticket here for an image there; its URL here.
    private async Task<string> InstallAsync(TestImage image, long size, Action<JsonObject>? change = null)
    {
        string id = Guid.NewGuid().ToString();
        JsonObject ticket = TicketBody.For(id, "/", size)
            .With("url", $"https://127.0.0.1:{_host.RemotePort}{image.Url}");
        change?.Invoke(ticket);
        using HttpResponseMessage put = await _control.PutAsync(
            $"/tickets/{id}", new StringContent(ticket.ToJsonString()));
        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, put);
        return $"/images/{id}";
    }

    private async Task<string> InstallAsync(string id, string target)
    {
        using HttpResponseMessage put = await _control.PutAsync(
            $"/tickets/{id}", new StringContent(TicketBody.For(id, "/", 100).With("url", target).ToJsonString()));
        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, put);
        return $"/images/{id}";
    }

    // The file of the authorities that the forwarding daemons trust is the host's own certificate.
    private void Trust(DaemonFixture daemon) => File.AppendAllText(
        _host.Files.Certificate.CertificateFile, "\n" + File.ReadAllText(daemon.Files.Certificate.CertificateFile));

    private async Task<JsonObject> TicketAsync(string url) =>
        JsonNode.Parse(await _control.GetStringAsync($"/tickets/{url[8..]}"))!.AsObject();

    private async Task<JsonNode> OptionsAsync(string url)
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, url);
        using HttpResponseMessage response = await _front.Remote.SendAsync(request);
        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, response);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
    }
}
