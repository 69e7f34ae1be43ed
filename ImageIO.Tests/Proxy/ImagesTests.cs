using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>
/// <c>/images/ID</c> of the proxy, in front of a real daemon: what crosses over (proxy-api section 2).
/// </summary>
public sealed class ImagesTests(ProxiedDaemon fixture) : IClassFixture<ProxiedDaemon>
{
    private const int MiB = 1024 * 1024;

    [Fact(Timeout = 30_000)]
    public async Task Upload_and_download_give_the_same_bytes()
    {
        byte[] content = Bytes.Random(5 * MiB + 123);
        TestImage image = await fixture.AddImageAsync(new byte[content.Length]);

        using HttpResponseMessage put = await fixture.Client.PutAsync(image.Url, new ByteArrayContent(content));
        byte[] received = await fixture.Client.GetByteArrayAsync(image.Url);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, put);
        Assert.Empty(await put.Content.ReadAsByteArrayAsync());
        Bytes.AssertEqual(content, image.Content, "the image");
        Bytes.AssertEqual(content, received, "the download");
    }

    [Fact(Timeout = 30_000)]
    public async Task Chunked_upload_stays_chunked_and_gives_the_same_bytes()
    {
        byte[] content = Bytes.Random(300_000);
        TestImage image = await fixture.AddImageAsync(new byte[content.Length]);
        using var request = new HttpRequestMessage(HttpMethod.Put, image.Url)
        {
            Content = new ByteArrayContent(content),
        };
        request.Headers.TransferEncodingChunked = true;

        using HttpResponseMessage put = await fixture.Client.SendAsync(request);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, put);
        Bytes.AssertEqual(content, image.Content, "the image");
    }

    [Fact(Timeout = 20_000)]
    public async Task Browsers_piece_is_written_where_its_Content_Range_says_and_its_answer_has_no_Range()
    {
        byte[] piece = Bytes.Random(1000);
        TestImage image = await fixture.AddImageAsync(new byte[4096]);
        using var request = new HttpRequestMessage(HttpMethod.Put, $"{image.Url}?flush=n")
        {
            Content = new ByteArrayContent(piece),
        };
        request.Content.Headers.ContentRange = new ContentRangeHeaderValue(1000, 1999, 4096);
        request.Content.Headers.ContentType = new("application/x-www-form-urlencoded");
        request.Headers.CacheControl = new() { NoCache = true };

        using HttpResponseMessage put = await fixture.Client.SendAsync(request);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, put);
        Bytes.AssertEqual(Bytes.Written(new byte[4096], 1000, piece), image.Content, "the image");
        Assert.False(put.Headers.Contains("Range"));
        Assert.False(put.Content.Headers.Contains("Content-Range"));
    }

    // Issue 15, D24.
    [Theory(Timeout = 20_000)]
    [InlineData("GET", null)]
    [InlineData("GET", "bytes=0-0")]
    [InlineData("HEAD", null)]
    public async Task Answer_says_that_ranges_are_served(string method, string? range)
    {
        TestImage image = await fixture.AddImageAsync([7], "read");

        using HttpResponseMessage answer = await fixture.SendAsync(
            method, image.Url, range is null ? [] : [("Range", range)]);

        Assert.Equal("bytes", Assert.Single(answer.Headers.AcceptRanges));
    }

    // Issue 15, D20 and D24.
    [Theory(Timeout = 20_000)]
    [InlineData("GET //info/ HTTP/1.1\n\n", 200, "version")]
    [InlineData("GET /info/ HTTP/1.1\nHost: [::]:54323\n\n", 200, "version")]
    [InlineData("GET /images/none/extent HTTP/1.1\n\n", 401, "/extents, /checksum and /checksum/algorithms")]
    public async Task Any_host_and_slashes_joined_by_hand_are_served_and_a_refusal_names_the_resources(
        string request, int status, string text)
    {
        using RawClient client = await fixture.Proxy.ConnectAsync();

        await client.SendAsync(request);
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(status, response.Status);
        Assert.Contains(text, response.Text, StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Empty_upload_is_200()
    {
        TestImage image = await fixture.AddImageAsync([1, 2, 3]);

        using HttpResponseMessage put = await fixture.Client.PutAsync(image.Url, new ByteArrayContent([]));

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, put);
        Assert.Equal([1, 2, 3], image.Content);
    }

    [Fact(Timeout = 20_000)]
    public async Task Range_is_206_with_exact_length_and_the_daemons_Content_Range()
    {
        byte[] content = Bytes.Random(100_000);
        TestImage image = await fixture.AddImageAsync(content, "read");

        using HttpResponseMessage get = await fixture.SendAsync("GET", image.Url, ("Range", "bytes=1000-50999"));

        Assert.Equal(HttpStatusCode.PartialContent, get.StatusCode);
        Assert.Equal(50_000, get.Content.Headers.ContentLength);
        Assert.Equal("bytes 1000-50999/100000", get.Content.Headers.ContentRange?.ToString());
        byte[] received = await get.Content.ReadAsByteArrayAsync();
        Bytes.AssertEqual(content.AsSpan(1000, 50_000), received, "the range");
    }

    [Theory(Timeout = 20_000)]
    [InlineData("disk.qcow2")]
    [InlineData("диск 一 é.raw")]
    public async Task Content_Disposition_comes_byte_for_byte(string filename)
    {
        byte[] content = Bytes.Random(10);
        string id = Guid.NewGuid().ToString();
        string path = fixture.Daemon.Files.CreateImage(content);
        await fixture.Daemon.InstallAsync(TicketBody.For(id, path, 10, "read").With("filename", filename));
        await fixture.Proxy.InstallAsync(id, fixture.Daemon.RemotePort);
        using RawClient direct = await RawClient.ConnectTlsAsync(fixture.Daemon);
        using RawClient proxied = await fixture.Proxy.ConnectAsync();

        await direct.RequestAsync("GET", $"/images/{id}");
        await proxied.RequestAsync("GET", $"/images/{id}");
        RawResponse expected = await direct.ReceiveAsync();
        RawResponse answer = await proxied.ReceiveAsync();

        Assert.Equal($"attachment; filename={filename}", answer.Header("content-disposition"));
        Assert.Equal(Line(expected, "content-disposition"), Line(answer, "content-disposition"));
        Assert.Equal("application/octet-stream", answer.Header("content-type"));
        Assert.Equal("no-cache, no-store", answer.Header("cache-control"));
        Assert.Equal(content, answer.Body);
    }

    [Fact(Timeout = 20_000)]
    public async Task Head_is_answered_as_the_daemon_does()
    {
        TestImage image = await fixture.AddImageAsync(Bytes.Random(5000), "read");
        using RawClient client = await fixture.Proxy.ConnectAsync();

        await client.RequestAsync("HEAD", image.Url);
        RawResponse head = await client.ReceiveAsync(hasBody: false);
        await client.RequestAsync("GET", image.Url);
        RawResponse get = await client.ReceiveAsync();

        Assert.Equal(200, head.Status);
        Assert.Equal("5000", head.Header("content-length"));
        Assert.Equal(5000, get.Body.Length);
    }

    [Fact(Timeout = 20_000)]
    public async Task Patch_zeroes_and_flushes()
    {
        TestImage image = await fixture.AddImageAsync(Bytes.Random(8192));
        foreach (string body in (string[])["""{"op": "zero", "size": 4096, "offset": 4096}""", """{"op": "flush"}"""])
        {
            using HttpResponseMessage patch = await fixture.Client.PatchAsync(image.Url, new StringContent(body));
            await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, patch);
        }

        Assert.True(image.Content.AsSpan(4096).IndexOfAnyExcept((byte)0) < 0);
        Assert.True(image.Content.AsSpan(0, 4096).IndexOf((byte)0) < 0);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("/extents")]
    [InlineData("/extents?context=zero")]
    [InlineData("/checksum")]
    [InlineData("/checksum?algorithm=sha256&block_size=1048576")]
    [InlineData("/checksum/algorithms")]
    public async Task Sub_resources_are_the_daemons(string subResource)
    {
        TestImage image = await fixture.AddImageAsync(Bytes.Random(3 * MiB), "read");

        Assert.Equal(
            await fixture.Daemon.Remote.GetStringAsync(image.Url + subResource),
            await fixture.Client.GetStringAsync(image.Url + subResource));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "", 416, "Range: bytes=99999-")]
    [InlineData("GET", "/extents?context=dirty", 404, "")]
    [InlineData("GET", "/checksum?algorithm=none", 400, "")]
    [InlineData("PUT", "", 403, "Content-Length: 10")]
    [InlineData("PUT", "?flush=maybe", 400, "Content-Length: 10")]
    public async Task Daemons_errors_pass_through_with_status_and_text(
        string method, string rest, int status, string header)
    {
        TestImage image = await fixture.AddImageAsync(Bytes.Random(10), "read");
        string[] headers = header.Length > 0 ? [header] : [];
        using RawClient direct = await RawClient.ConnectTlsAsync(fixture.Daemon);
        using RawClient proxied = await fixture.Proxy.ConnectAsync();

        await direct.RequestAsync(method, image.Url + rest, headers);
        await proxied.RequestAsync(method, image.Url + rest, headers);
        RawResponse expected = await direct.ReceiveAsync();
        RawResponse answer = await proxied.ReceiveAsync();

        answer.AssertIsError(status);
        Assert.Equal(expected.Text, answer.Text);
        Assert.Equal(expected.Header("content-range"), answer.Header("content-range"));
        Assert.Equal("*", answer.Header("access-control-allow-origin"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("POST", "/images/x", 405)]
    [InlineData("DELETE", "/images/x", 405)]
    [InlineData("BREW", "/images/x", 405)]
    [InlineData("PUT", "/images/x/extents", 405)]
    [InlineData("OPTIONS", "/images/x/checksum", 405)]
    [InlineData("GET", "/images", 404)]
    [InlineData("GET", "/image/x", 404)]
    [InlineData("GET", "/images/", 400)]
    public async Task Wrong_methods_are_405_and_wrong_paths_404(string method, string path, int status)
    {
        using RawClient client = await fixture.Proxy.ConnectAsync();

        await client.RequestAsync(method, path);
        RawResponse answer = await client.ReceiveAsync();

        answer.AssertIsError(status);
        Assert.Equal("*", answer.Header("access-control-allow-origin"));
    }

    [Fact(Timeout = 20_000)]
    public async Task Put_without_Content_Length_that_is_not_chunked_is_411()
    {
        TestImage image = await fixture.AddImageAsync([1]);
        using RawClient client = await fixture.Proxy.ConnectAsync();

        await client.RequestAsync("PUT", image.Url);

        (await client.ReceiveAsync()).AssertIsError(411);
    }

    [Fact(Timeout = 20_000)]
    public async Task Options_for_any_image_tells_all_methods_and_features_without_a_ticket()
    {
        using HttpResponseMessage options = await fixture.SendAsync("OPTIONS", "/images/*");

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, options);
        Assert.Equal("OPTIONS,GET,PUT,PATCH", string.Join(",", options.Content.Headers.Allow));
        Assert.Equal(
            """{"features":["checksum","extents","flush","zero"]}""" + "\n", await options.Content.ReadAsStringAsync());
    }

    [Fact(Timeout = 20_000)]
    public async Task Options_is_the_daemons_answer_without_its_unix_socket()
    {
        TestImage image = await fixture.AddImageAsync([1], "read");
        var expected = JsonNode.Parse(await OptionsAsync(fixture.Daemon.Remote, image.Url))!.AsObject();
        Assert.True(expected.Remove("unix_socket"));

        using HttpResponseMessage options = await fixture.SendAsync("OPTIONS", image.Url);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, options);
        Assert.Equal("OPTIONS,GET", string.Join(",", options.Content.Headers.Allow));
        Assert.Equal("application/json", options.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            expected.ToJsonString(), JsonNode.Parse(await options.Content.ReadAsStringAsync())!.ToJsonString());
    }

    [Theory(Timeout = 20_000)]
    [InlineData("")]
    [InlineData("/extents")]
    public async Task Preflight_is_answered_by_the_proxy_itself_without_a_ticket(string subResource)
    {
        using RawClient client = await fixture.Proxy.ConnectAsync();

        await client.RequestAsync(
            "OPTIONS",
            $"/images/unknown{subResource}", "Origin: https://engine.example", "Access-Control-Request-Method: PUT",
            "Access-Control-Request-Headers: authorization,content-range");
        RawResponse answer = await client.ReceiveAsync();

        Assert.Equal(200, answer.Status);
        Assert.Empty(answer.Body);
        Assert.Contains("Content-Range", answer.Header("access-control-allow-headers"), StringComparison.Ordinal);
        Assert.Contains("PATCH", answer.Header("access-control-allow-methods"), StringComparison.Ordinal);
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Ticket_in_the_store_is_used_and_Authorization_is_not_looked_at()
    {
        TestImage image = await fixture.AddImageAsync([1, 2, 3], "read");

        using HttpResponseMessage get = await fixture.SendAsync("GET", image.Url, ("Authorization", "nonsense"));

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, get);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("")]
    [InlineData("Bearer ")]
    [InlineData("bearer ")]
    public async Task Good_signed_ticket_in_Authorization_is_installed_and_used(string scheme)
    {
        TestImage image = await fixture.Daemon.AddImageAsync([1, 2, 3], "read");

        using HttpResponseMessage first = await fixture.SendAsync(
            "GET", image.Url, ("Authorization", scheme + fixture.Sign(image.Id)));
        using HttpResponseMessage second = await fixture.SendAsync("GET", image.Url);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, first);
        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, second);
    }

    [Fact(Timeout = 20_000)]
    public async Task No_ticket_and_no_Authorization_is_401_with_headers_for_other_origins()
    {
        using RawClient client = await fixture.Proxy.ConnectAsync();

        await client.RequestAsync("GET", "/images/unknown", "Origin: https://engine.example");
        RawResponse answer = await client.ReceiveAsync();

        answer.AssertIsError(401);
        Assert.Equal("*", answer.Header("access-control-allow-origin"));
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Bad_signed_ticket_is_401_and_installs_nothing()
    {
        TestImage image = await fixture.Daemon.AddImageAsync([1], "read");
        string[] changed = [fixture.Sign(image.Id)[..^4],
            "Bearer", "Basic dXNlcjpwYXNz", "Bearer " + new string('A', 9000)];

        foreach (string ticket in changed)
        {
            using HttpResponseMessage get = await fixture.SendAsync("GET", image.Url, ("Authorization", ticket));
            Assert.Equal(HttpStatusCode.Unauthorized, get.StatusCode);
        }

        Assert.Null(fixture.Proxy.Tickets.Find(new TicketId(image.Id)));
    }

    [Fact(Timeout = 20_000)]
    public async Task Good_signed_ticket_for_another_image_is_401_and_is_installed_under_its_own_id()
    {
        TestImage own = await fixture.Daemon.AddImageAsync([1], "read");
        TestImage other = await fixture.Daemon.AddImageAsync([2], "read");

        using HttpResponseMessage refused = await fixture.SendAsync(
            "GET", other.Url, ("Authorization", fixture.Sign(own.Id)));
        using HttpResponseMessage served = await fixture.SendAsync("GET", own.Url);

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, served);
    }

    [Fact(Timeout = 20_000)]
    public async Task Refused_upload_never_sends_its_data_and_a_permitted_one_is_asked_for_it_by_the_daemon()
    {
        TestImage readOnly = await fixture.AddImageAsync([1], "read");
        TestImage writable = await fixture.AddImageAsync([1]);
        using RawClient refused = await fixture.Proxy.ConnectAsync();
        using RawClient permitted = await fixture.Proxy.ConnectAsync();

        await refused.RequestAsync("PUT", readOnly.Url, "Content-Length: 1", "Expect: 100-continue");
        await permitted.RequestAsync("PUT", writable.Url, "Content-Length: 1", "Expect: 100-continue");
        RawResponse no = await refused.ReceiveAsync();
        RawResponse yes = await permitted.ReceiveAsync();
        await permitted.SendAsync([7]);

        no.AssertIsError(403);
        Assert.Equal(100, yes.Status);
        Assert.Equal(200, (await permitted.ReceiveAsync()).Status);
        Assert.Equal([7], writable.Content);
    }

    [Fact(Timeout = 20_000)]
    public async Task Many_requests_go_over_one_kept_connection_to_the_daemon()
    {
        TestImage image = await fixture.AddImageAsync(Bytes.Random(10_000), "read");
        await fixture.Client.GetByteArrayAsync(image.Url);
        int before = fixture.Daemon.Connections.Count;

        for (int i = 0; i < 10; i++)
        {
            await fixture.Client.GetByteArrayAsync(image.Url);
        }

        Assert.True(fixture.Daemon.Connections.Count <= before, "A new connection was made");
    }

    [Fact(Timeout = 20_000)]
    public async Task Log_holds_the_transfer_id_and_never_the_tickets()
    {
        TestImage image = await fixture.AddImageAsync([1, 2, 3], "read");
        await fixture.Client.GetByteArrayAsync(image.Url);
        using HttpResponseMessage refused = await fixture.SendAsync(
            "GET", $"{image.Url}?flush=x&session_id=abc", ("Range", "bytes=9-"));

        Assert.Contains("Transfer transfer-1: GET", fixture.Proxy.ReadLog(), StringComparison.Ordinal);
        Assert.DoesNotContain(image.Id, fixture.Proxy.ReadLog(), StringComparison.Ordinal);
    }

    private static async Task<string> OptionsAsync(HttpClient client, string url)
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, url);
        using HttpResponseMessage response = await client.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }

    private static string Line(RawResponse response, string name) =>
        Encoding.Latin1.GetString(response.HeadBytes).Split("\r\n")
        .Single(line => line.StartsWith(name, StringComparison.OrdinalIgnoreCase)).Split(':', 2)[1];
}
