using System.Text;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// HTTP/1.1 as its bytes: what clients of the reference depend on, and no library shows (daemon-api section 2).
/// </summary>
[Collection(RunningDaemon.Collection)]
public sealed class WireTests(RunningDaemon daemon)
{
    [Fact(Timeout = 20_000)]
    public async Task Info_is_one_json_line()
    {
        using RawClient client = await RawClient.ConnectTlsAsync(daemon);

        await client.RequestAsync("GET", "/info/");
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal("application/json", response.Header("content-type"));
        Assert.Matches("^\\{\"version\":\"[0-9.]+\"\\}\n$", response.Text);
        Assert.Null(response.Header("server"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData(4096, 403)]
    [InlineData(4097, 414)]
    [InlineData(100_000, 414)]
    public async Task Request_line_over_4096_bytes_is_414(int length, int status)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        string id = new('x', length - "GET /images/ HTTP/1.1\r\n".Length);

        await client.RequestAsync("GET", $"/images/{id}");

        (await client.ReceiveAsync()).AssertIsError(status);
    }

    public static TheoryData<string, int> RequestsThatTheServerRefuses => new()
    {
        { "no request at all\n\n", 400 },
        { "GET /images/x HTTP/1.1\nHost: a\nno header\n\n", 400 },
        { "GET /images/x HTTP/1.1\nHost: a\nHost: b\n\n", 400 },
        { "GET /images/x HTTP/1.1\nHost: a\nContent-Length: -1\n\n", 400 },
        { "GET /images/x HTTP/3.7\nHost: a\n\n", 505 },
        { $"GET /images/x HTTP/1.1\nHost: a\nLong: {new string('x', 100_000)}\n\n", 431 },
        { $"GET /images/x HTTP/1.1\nHost: a\n{string.Concat(Enumerable.Repeat("Many: x\n", 1000))}\n", 431 },
        { $"GET /{new string('x', 100_000)} HTTP/1.1\nHost: a\n\n", 414 },
    };

    [Theory(Timeout = 20_000)]
    [MemberData(nameof(RequestsThatTheServerRefuses))]
    public async Task What_is_no_request_is_an_error_with_a_text_and_closes(string request, int status)
    {
        foreach (RawClient connected in (RawClient[])
            [await RawClient.ConnectTlsAsync(daemon), await RawClient.ConnectAsync(daemon.Files.LocalSocket)])
        {
            using RawClient client = connected;
            // Behind an ordinary one, whose answer is as ever.
            await client.AssertOpenAsync();

            await client.SendAsync(request);
            RawResponse response = await client.ReceiveAsync();

            response.AssertIsError(status);
            Assert.Equal("close", response.Header("connection"));
            await client.AssertClosedAsync();
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Refusal_reaches_a_client_that_sends_megabytes_behind_what_is_no_request()
    {
        using RawClient client = await RawClient.ConnectTlsAsync(daemon);

        await client.SendAsync("GET / HTTP/1.1\nHost: a\nno header\n\n");
        await client.SendAsync(new byte[8 * 1024 * 1024]);

        (await client.ReceiveAsync()).AssertIsError(400);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "*", 405, "OPTIONS")]
    [InlineData("CONNECT", "/images/x", 405, null)]
    public async Task Method_that_its_target_lacks_is_405(string method, string target, int status, string? allow)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync(method, target);
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(status);
        Assert.Equal(allow, response.Header("allow"));
    }

    [Fact(Timeout = 20_000)]
    public async Task Header_that_nobody_reads_may_hold_any_bytes()
    {
        TestImage image = await daemon.AddImageAsync([7]);
        using RawClient client = await RawClient.ConnectTlsAsync(daemon);

        await client.SendAsync(
            Encoding.Latin1.GetBytes($"GET {image.Url} HTTP/1.1\r\nHost: h\r\nUser-Agent: \u00e9\u00ff\r\n\r\n"));

        Assert.Equal([7], (await client.ReceiveAsync()).Body);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("gzip")]
    [InlineData("gzip, chunked")]
    [InlineData("chunked, chunked")]
    public async Task Transfer_coding_besides_chunked_is_400_and_writes_nothing(string coding)
    {
        TestImage image = await daemon.AddImageAsync(new byte[5]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", image.Url, $"Transfer-Encoding: {coding}");
        await client.SendAsync("5\nhello\n0\n\n");
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(400);
        Assert.Equal("close", response.Header("connection"));
        await client.AssertClosedAsync();
        Assert.Equal(new byte[5], image.Content);
    }

    [Fact(Timeout = 20_000)]
    public async Task Patch_over_1_MiB_is_413_and_1_MiB_is_read()
    {
        // Of a client with a ticket: for others, so large a body is not gathered.
        TestImage image = await daemon.AddImageAsync([1]);
        foreach ((int length, int status) in (List<(int, int)>)[(1024 * 1024, 400), (1024 * 1024 + 1, 413)])
        {
            using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
            await client.RequestAsync("PATCH", image.Url, $"Content-Length: {length}");
            await client.SendAsync(Encoding.ASCII.GetBytes(new string(' ', length)));

            (await client.ReceiveAsync()).AssertIsError(status);
        }
    }

    [Theory(Timeout = 20_000)]
    [InlineData("PUT", "/images/unknown")]
    [InlineData("PUT", "/images/")]
    [InlineData("PUT", "/none")]
    [InlineData("POST", "/images/unknown")]
    [InlineData("FETCH", "/none")]
    [InlineData("GET", "/images/unknown")]
    public async Task Error_before_the_body_was_read_closes(string method, string path)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync(method, path, "Content-Length: 10");
        RawResponse response = await client.ReceiveAsync();

        Assert.InRange(response.Status, 400, 499);
        Assert.Equal("close", response.Header("connection"));
        // Now, although the body has not come.
        await client.AssertClosedAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Answer_to_a_refused_upload_reaches_a_client_that_sends_everything_first()
    {
        using RawClient client = await RawClient.ConnectTlsAsync(daemon);
        byte[] body = new byte[8 * 1024 * 1024];

        await client.RequestAsync("PUT", "/images/unknown", $"Content-Length: {body.Length}");
        await client.SendAsync(body);
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(403);
        await client.AssertClosedAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Refused_upload_never_gets_100_and_is_closed()
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", "/images/unknown", "Content-Length: 10", "Expect: 100-continue");
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(403);
        Assert.Equal("close", response.Header("connection"));
        await client.AssertClosedAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Range: bytes 9-*/*", 416)]
    [InlineData("Content-Range: wrong", 400)]
    public async Task Expect_is_answered_only_after_every_check(string header, int status)
    {
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", image.Url, "Content-Length: 10", "Expect: 100-continue", header);

        (await client.ReceiveAsync()).AssertIsError(status);
    }

    [Fact(Timeout = 20_000)]
    public async Task Expected_upload_gets_100_before_its_data()
    {
        byte[] content = TestImage.Random(10);
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", image.Url, "Content-Length: 10", "Expect: 100-continue");
        RawResponse interim = await client.ReceiveAsync();
        await client.SendAsync(content);
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", interim.Head);
        Assert.Equal(200, response.Status);
        Assert.Equal(content, image.Content);
    }

    [Fact(Timeout = 20_000)]
    public async Task Connection_is_kept_from_request_to_request()
    {
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        using RawClient client = await RawClient.ConnectTlsAsync(daemon);
        for (byte round = 1; round < 20; round++)
        {
            await client.RequestAsync("PUT", image.Url, "Content-Length: 10");
            await client.SendAsync([round, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            RawResponse put = await client.ReceiveAsync();
            await client.RequestAsync("GET", image.Url, "Range: bytes=0-0");
            RawResponse get = await client.ReceiveAsync();

            Assert.Equal(200, put.Status);
            Assert.Equal([round], get.Body);
            Assert.Null(get.Header("connection"));
        }

        Assert.Equal(1, (await daemon.GetTicketAsync(image.Id))["connections"]!.GetValue<int>());
    }

    [Fact(Timeout = 20_000)]
    public async Task Idle_connection_is_kept_for_longer_than_the_servers_heartbeat()
    {
        TestImage image = await daemon.AddImageAsync([7]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("GET", image.Url);
        await client.ReceiveAsync();

        // The server looks for overdue connections once a second.
        bool closed = client.Socket.Poll(TimeSpan.FromSeconds(2.5), System.Net.Sockets.SelectMode.SelectRead);

        Assert.False(closed, "The connection was closed while idle");
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Requests_sent_at_once_are_answered_in_order()
    {
        TestImage image = await daemon.AddImageAsync([7, 8, 9]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.SendAsync(
            $"GET {image.Url} HTTP/1.1\nHost: h\nRange: bytes=0-0\n\nPUT {image.Url} HTTP/1.1\nHost: "
                + $"h\nContent-Length: 1\n\nx"
            + $"GET {image.Url} HTTP/1.1\nHost: h\nRange: bytes=0-1\n\n");

        Assert.Equal([7], (await client.ReceiveAsync()).Body);
        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Equal([(byte)'x', 8], (await client.ReceiveAsync()).Body);
    }

    [Fact(Timeout = 20_000)]
    public async Task Client_that_asks_for_close_is_closed()
    {
        TestImage image = await daemon.AddImageAsync([7]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", image.Url, "Connection: close");
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal("close", response.Header("connection"));
        await client.AssertClosedAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Image_that_fails_after_the_answer_began_cuts_the_connection()
    {
        // Shorter than when the answer's length was promised, so the promise cannot be kept.
        const int Size = 32 * 1024 * 1024;
        TestImage image = await daemon.AddImageAsync(new byte[Size], "read");
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("GET", image.Url);
        RawResponse response = await client.ReceiveAsync(hasBody: false);
        using (FileStream file = File.OpenWrite(image.Path))
        {
            file.SetLength(Size / 2);
        }

        long received = 0;
        for (byte[] part; (part = await client.ReadAsync(1024 * 1024)).Length > 0;)
        {
            received += part.Length;
        }

        Assert.Equal(200, response.Status);
        Assert.InRange(received, 1, Size - 1);
        await daemon.BecomesQuietAsync(image);
    }
}
