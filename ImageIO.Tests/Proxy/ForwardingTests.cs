using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>The forwarded bytes, and when they are forwarded (proxy-api sections 2 and 3).</summary>
public sealed partial class ForwardingTests
{
    private const string Ok = "HTTP/1.1 200 OK\nContent-Length: 0\n\n";

    [Fact(Timeout = 20_000)]
    public async Task Of_a_GETs_headers_only_Range_is_forwarded_and_the_query_goes_as_it_is()
    {
        var head = new TaskCompletionSource<string>();
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            head.SetResult(await daemon.ReadHeadAsync());
            await daemon.SendAsync(Ok);
        });

        RawResponse begun = await proxy.RequestAsync(
            "POST", "/sessions/",
            "Content-Length: 0", $"Authorization: {proxy.Proxy.Sign(ScriptedProxy.Id, proxy.Daemon.Port)}");
        string session = begun.Header("session-id")!;

        await proxy.RequestAsync(
            "GET", $"{ScriptedProxy.Url}?context=zero&x=%41%2f&session_id={session}&y",
            "Range: bytes=0-9", "Authorization: secret",
            "Cookie: secret",
            $"Session-Id: {session}", "X-Forwarded-For: 1.2.3.4", "Accept-Encoding: gzip", "Accept: */*");

        Assert.Equal(
            $"GET {ScriptedProxy.Url}?context=zero&x=%41%2f&y HTTP/1.1\r\nHost: 127.0.0.1:{proxy.Daemon.Port}\r\n"
            + "Via: 1.1 imageio-N\r\nRange: bytes=0-9\r\n\r\n",
            Unmarked(await head.Task));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("session_id")]
    [InlineData("SESSION_ID")]
    [InlineData("%73ession_id")]
    [InlineData("session%5fid")]
    [InlineData("Session%5FID")]
    public async Task Session_id_in_the_query_serves_and_stays_here_however_it_is_spelled(string name)
    {
        var target = new TaskCompletionSource<string>();
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            target.SetResult((await daemon.ReadHeadAsync()).Split(' ')[1]);
            await daemon.SendAsync(Ok);
        });
        RawResponse begun = await proxy.RequestAsync(
            "POST", "/sessions/",
            "Content-Length: 0", $"Authorization: {proxy.Proxy.Sign(ScriptedProxy.Id, proxy.Daemon.Port)}");

        RawResponse answer = await proxy.RequestAsync(
            "GET", $"{ScriptedProxy.Url}?a=1&{name}={begun.Header("session-id")}&{name}&b");

        Assert.Equal(200, answer.Status);
        Assert.Equal($"{ScriptedProxy.Url}?a=1&b", await target.Task);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("\t")]
    [InlineData("\v")]
    [InlineData("\u001f")]
    [InlineData("\u007f")]
    [InlineData("\rSmuggled:x")]
    public async Task Bytes_that_end_a_word_or_a_line_do_not_reach_the_daemons_request_line(string bad)
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.SendAsync(Ok);
        });

        using RawClient client = await proxy.ConnectAsync();

        // Not as text, in which lines would get other ends.
        await client.SendAsync(
            Encoding.ASCII.GetBytes($"GET {ScriptedProxy.Url}?context={bad}zero HTTP/1.1\r\nHost: x\r\n\r\n"));

        Assert.Equal(400, (await client.ReceiveAsync()).Status);
        Assert.Equal(0, proxy.Daemon.Accepted);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("80000000")]
    [InlineData("ffffffff")]
    [InlineData("10000000000000000")]
    [InlineData("xyz")]
    public async Task Chunk_of_a_length_that_cannot_be_is_400(string length)
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.StandStillAsync();
        });
        using RawClient client = await proxy.ConnectAsync();
        await client.RequestAsync("PUT", ScriptedProxy.Url, "Transfer-Encoding: chunked");

        await client.SendAsync($"2\nok\n{length}\n");

        Assert.Equal(400, (await client.ReceiveAsync()).Status);
        Assert.DoesNotContain("ERROR", proxy.Proxy.ReadLog(), StringComparison.Ordinal);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Length: 5", "hello", "Content-Length: 5\r\n", "hello")]
    [InlineData(
        "Transfer-Encoding: chunked",
        "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")]
    public async Task Exactly_one_of_Content_Length_and_chunked_is_sent_on(
        string framing, string body, string sentHead, string sentBody)
    {
        var received = new TaskCompletionSource<string>();
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            string head = await daemon.ReadHeadAsync();
            received.SetResult(head + Encoding.ASCII.GetString(await daemon.ReadAsync(sentBody.Length)));
            await daemon.SendAsync(Ok);
        });
        using RawClient client = await proxy.ConnectAsync();

        await client.SendAsync(Encoding.ASCII.GetBytes(
            $"PUT {ScriptedProxy.Url}?flush=n HTTP/1.1\r\nHost: test\r\nContent-Range: bytes 0-4/*\r\nContent-Type: "
                + $"image/x\r\n"
            + $"Content-Digest: sha-256=:x:\r\nPragma: no-cache\r\n{framing}\r\n\r\n{body}"));
        RawResponse answer = await client.ReceiveAsync();

        Assert.Equal(200, answer.Status);
        Assert.Equal(
            $"PUT {ScriptedProxy.Url}?flush=n HTTP/1.1\r\nHost: 127.0.0.1:{proxy.Daemon.Port}\r\n"
            + "Via: 1.1 imageio-N\r\nContent-Range: bytes 0-4/*\r\n"
            + $"Content-Type: image/x\r\nContent-Digest: sha-256=:x:\r\n{sentHead}\r\n{sentBody}",
            Unmarked(await received.Task));
    }

    [Fact(Timeout = 20_000)]
    public async Task Of_the_answers_headers_only_those_about_image_data_come_back_and_a_redirect_is_not_followed()
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.SendAsync("HTTP/1.1 102 Processing\n\nHTTP/1.1 103 Early Hints\nLink: x\n\n");
            await daemon.SendAsync(
                "HTTP/1.1 302 Found\nLocation: https://elsewhere/\nSet-Cookie: a=b\nServer: x\nContent-Encoding: gzip\n"
                + "Access-Control-Allow-Origin: https://other\nContent-Type: text/x\nContent-Length: 4\n\nbody");
        });

        RawResponse answer = await proxy.RequestAsync();

        Assert.Equal(302, answer.Status);
        Assert.Equal("body", answer.Text);
        Assert.Equal("text/x", answer.Header("content-type"));
        Assert.Equal("*", answer.Header("access-control-allow-origin"));
        Assert.Equal("no-cache, no-store", answer.Header("cache-control"));
        foreach (string name in (string[])["location", "set-cookie", "server", "content-encoding"])
        {
            Assert.Null(answer.Header(name));
        }
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Transfer-Encoding: chunked\n\n2;x=y\nhe\n3\nllo\n0\nTrailer: x\n\n", true)]
    [InlineData("Connection: close\n\nhello", false)]
    public async Task Answer_without_Content_Length_comes_whole(string rest, bool isKept)
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.SendAsync("HTTP/1.1 200 OK\n" + rest);
            if (isKept)
            {
                await daemon.StandStillAsync();
            }
        });

        using HttpResponseMessage answer = await proxy.Proxy.Client.GetAsync(ScriptedProxy.Url);

        Assert.Equal("hello", await answer.Content.ReadAsStringAsync());
        await Eventually.HoldsAsync(() => proxy.Proxy.Upstreams.BusyCount == 0, "the connection is given back");
        Assert.Equal(isKept ? 1 : 0, proxy.Proxy.Upstreams.IdleCount);
    }

    [Fact(Timeout = 20_000)]
    public async Task Client_is_asked_for_its_data_when_the_daemon_asks_and_not_before()
    {
        var ask = new Held();
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            Assert.Contains("Expect: 100-continue\r\n", await daemon.ReadHeadAsync(), StringComparison.Ordinal);
            await ask.StandAsync();
            await daemon.SendAsync("HTTP/1.1 100 Continue\n\n");
            await daemon.ReadAsync(3);
            await daemon.SendAsync(Ok);
        });
        using RawClient client = await proxy.ConnectAsync();

        await client.RequestAsync("PUT", ScriptedProxy.Url, "Content-Length: 3", "Expect: 100-continue");
        await ask.Arrived;
        Task<RawResponse> asked = client.ReceiveAsync();
        Assert.False(asked.IsCompleted, "Asked before the daemon did");
        ask.Release();

        Assert.Equal(100, (await asked).Status);
        await client.SendAsync("abc");
        Assert.Equal(200, (await client.ReceiveAsync()).Status);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Length: 1000000")]
    [InlineData("Transfer-Encoding: chunked")]
    public async Task Daemons_answer_without_a_body_comes_although_the_upload_has_not_ended(string framing)
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.ReadAsync(1);
            await daemon.SendAsync(Ok);
        });
        using RawClient client = await proxy.ConnectAsync();

        await client.RequestAsync("PUT", ScriptedProxy.Url, framing);
        await client.SendAsync("8\nabcdefgh\n");

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Length: 1000000", true)]
    [InlineData("Content-Length: 1000000", false)]
    [InlineData("Transfer-Encoding: chunked", true)]
    public async Task Daemons_error_in_the_middle_of_an_upload_comes_with_status_and_text(string framing, bool isClosed)
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.ReadAsync(1000);
            await daemon.SendAsync(
                "HTTP/1.1 507 Insufficient Storage\nContent-Type: text/plain\nContent-Length: 8\n\nno space");
            if (!isClosed)
            {
                await daemon.StandStillAsync();
            }
        });
        using RawClient client = await proxy.ConnectAsync();

        await client.RequestAsync("PUT", ScriptedProxy.Url, framing);
        // The client waits in the middle of its body, so only the answer can end it.
        await client.SendAsync(
            framing.StartsWith('T') ? [.. "800\r\n"u8.ToArray(), .. new byte[2000]] : new byte[2000]);
        RawResponse answer = await client.ReceiveAsync();

        Assert.Equal(507, answer.Status);
        Assert.Equal("no space", answer.Text);
        Assert.True("close" == answer.Header("connection"), answer.Head);
        await client.AssertClosedAsync();
        for (int i = 0; i < 3; i++)
        {
            // The proxy takes what was under way: a reset could destroy an answer that the client has not read yet.
            await client.SendAsync(new byte[1000]);
        }

        await Eventually.HoldsAsync(
            () => proxy.Proxy.Upstreams.BusyCount == 0, "the connection to the daemon is closed");
        Assert.Equal(0, proxy.Proxy.Upstreams.IdleCount);
    }

    [Fact(Timeout = 20_000)]
    public async Task Daemons_error_comes_although_the_daemon_takes_no_more_and_the_client_goes_on_sending()
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.ReadAsync(1000);
            await daemon.SendAsync(
                "HTTP/1.1 507 Insufficient Storage\nContent-Type: text/plain\nContent-Length: 8\n\nno space");
            await daemon.StandStillAsync();
        });
        using RawClient client = await proxy.ConnectAsync();
        await client.RequestAsync("PUT", ScriptedProxy.Url, "Content-Length: 16000000");

        Task sending = client.SendAsync(new byte[16_000_000]);
        RawResponse answer = await client.ReceiveAsync();

        Assert.Equal(507, answer.Status);
        Assert.Equal("no space", answer.Text);
        // The proxy takes the remaining bytes, and discards them.
        await sending;
        Assert.Equal(0, proxy.Proxy.Upstreams.BusyCount);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("PUT", "Content-Length: 1000000")]
    [InlineData("GET", "Range: bytes=0-")]
    public async Task Client_that_leaves_cancels_the_daemons_request_at_once(string method, string header)
    {
        var arrived = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            arrived.SetResult();
            try
            {
                // Ends when the proxy closes.
                while (await daemon.Stream.ReadAsync(new byte[1000], daemon.Stopping) > 0)
                {
                }
            }
            finally
            {
                ended.SetResult();
            }
        });
        RawClient client = await proxy.ConnectAsync();
        await client.RequestAsync(method, ScriptedProxy.Url, header);
        await arrived.Task;

        client.Reset();

        await ended.Task;
        await Eventually.HoldsAsync(() => proxy.Proxy.Upstreams.BusyCount == 0, "nothing is left at the proxy");
    }

    [Theory(Timeout = 20_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Client_that_leaves_a_download_is_one_line_that_says_where_and_no_error(bool isReset)
    {
        const int Size = 64 * 1024 * 1024;
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.SendAsync($"HTTP/1.1 200 OK\nContent-Length: {Size}\n\n");
            byte[] part = new byte[1024 * 1024];
            for (int sent = 0; sent < Size; sent += part.Length)
            {
                await daemon.Stream.WriteAsync(part, daemon.Stopping);
            }
        });
        RawClient client = await proxy.ConnectAsync();
        await client.RequestAsync("GET", ScriptedProxy.Url);
        await client.ReceiveAsync(hasBody: false);
        for (int received = 0; received < 100_000;)
        {
            received += (await client.ReadAsync(16 * 1024)).Length;
        }

        if (isReset)
        {
            client.Reset();
        }
        else
        {
            // In the middle: the kernel answers what still comes by a reset.
            client.Dispose();
        }

        await Eventually.HoldsAsync(() => Left().IsMatch(proxy.Proxy.ReadLog()), "the log says where the client left");
        Assert.Equal(0, proxy.Proxy.Upstreams.BusyCount);
        Match line = Assert.Single(Left().Matches(proxy.Proxy.ReadLog()));
        Assert.InRange(int.Parse(line.Groups["done"].Value, CultureInfo.InvariantCulture), 100_000, Size - 1);
        Assert.Equal($"{Size}", line.Groups["size"].Value);
        Assert.DoesNotContain("ERROR", proxy.Proxy.ReadLog(), StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Upload_that_ends_early_and_one_that_the_daemon_refuses_are_told_from_a_complete_one()
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            while (true)
            {
                string head = await daemon.ReadHeadAsync();
                await daemon.ReadAsync(5);
                await daemon.SendAsync(head.Contains("full", StringComparison.Ordinal)
                    ? "HTTP/1.1 507 Insufficient Storage\nContent-Length: 0\n\n"
                    : Ok);
            }
        });
        foreach ((string query, string length) in ((string, string)[])[("", "5"), ("?full", "5"), ("", "10")])
        {
            using RawClient client = await proxy.ConnectAsync();
            await client.RequestAsync("PUT", ScriptedProxy.Url + query, $"Content-Length: {length}");
            await client.SendAsync("hello");
            if (length == "5")
            {
                await client.ReceiveAsync();
            }
        }

        foreach (string end in (string[])[
            "complete", "write ended at byte 5 of 5, the host that serves the image answered 507",
            "write ended at byte 5 of 10, the client left"])
        {
            await Eventually.HoldsAsync(
                () => Regex.IsMatch(proxy.Proxy.ReadLog(), $"Transfer transfer-1: connection .* s: {end}; "), end);
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Request_is_never_sent_again_not_even_on_a_kept_connection_that_turns_out_closed()
    {
        int heads = 0;
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            Interlocked.Increment(ref heads);
            await daemon.SendAsync(Ok);
            await daemon.ReadHeadAsync();
            Interlocked.Increment(ref heads);
            daemon.Socket.LingerState = new LingerOption(true, 0);
            daemon.Socket.Close();
        });

        Assert.Equal(200, (await proxy.RequestAsync()).Status);
        (await proxy.RequestAsync()).AssertIsError(503);

        Assert.Equal(2, heads);
        Assert.Equal(1, proxy.Daemon.Accepted);
    }

    [Fact(Timeout = 20_000)]
    public async Task Kept_connection_that_the_daemon_has_closed_is_not_used()
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.SendAsync(Ok);
        });

        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(200, (await proxy.RequestAsync()).Status);
            await Eventually.HoldsAsync(() => proxy.Proxy.Upstreams.IdleCount == 0, "the closed connection is seen");
        }

        Assert.Equal(3, proxy.Daemon.Accepted);
    }

    [SkippableFact(Timeout = 20_000)]
    public async Task IPv6_address_without_brackets_is_connected_to_and_verified()
    {
        Skip.IfNot(Socket.OSSupportsIPv6, "needs IPv6");
        await using var daemon = new ScriptedDaemon(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.SendAsync(Ok);
            },
            IPAddress.IPv6Loopback);
        await using ProxyFixture proxy = await ProxyFixture.StartAsync();
        proxy.Trust(daemon.Certificate);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        string payload = $$"""
            {
                "nbf": 0, "exp": 9999999999,
                "imaged-uri": "https://::1:{{daemon.Port}}", "transfer-ticket": "{{ScriptedProxy.Id}}"
            }
            """;
        string ticket = proxy.Signer.Sign(
            payload, now.AddMinutes(-1), now.AddMinutes(1), ImageIO.Proxy.SignedTickets.SignatureForms.Pss);
        using var request = new HttpRequestMessage(HttpMethod.Get, ScriptedProxy.Url);
        request.Headers.TryAddWithoutValidation("Authorization", ticket);

        using HttpResponseMessage answer = await proxy.Client.SendAsync(request);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.OK, answer);
    }

    [GeneratedRegex(
        "Transfer transfer-1: connection .*: read ended at byte (?<done>[0-9]+) of (?<size>[0-9]+), the client left; ")]
    private static partial Regex Left();

    // The mark has a random part.
    private static string Unmarked(string request) => Regex.Replace(request, "imageio-[0-9a-f]{16}", "imageio-N");
}
