using System.Net.Sockets;
using System.Text.RegularExpressions;
using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Proxy;

/// <summary>
/// Daemons that cannot be reached, are not believed, break off or stand still (proxy-api section 2, "Host trouble").
/// </summary>
public sealed class DaemonTroubleTests
{
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());

    [Fact(Timeout = 20_000)]
    public async Task Daemon_that_nobody_runs_is_503_with_headers_for_other_origins()
    {
        await using ProxyFixture proxy = await ProxyFixture.StartAsync();
        await proxy.InstallAsync("image-1", FreePort());
        using RawClient client = await proxy.ConnectAsync();

        await client.RequestAsync("GET", "/images/image-1");
        RawResponse answer = await client.ReceiveAsync();

        answer.AssertIsError(503);
        Assert.StartsWith("The host that serves the image cannot be reached", answer.Text, StringComparison.Ordinal);
        Assert.Equal("*", answer.Header("access-control-allow-origin"));
        await AssertLoggedAsync(proxy, "Connecting to https://127.0.0.1:[0-9]+ failed: Connection refused");
        await client.AssertOpenAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task Daemon_that_no_authority_vouches_for_or_that_bears_another_name_is_503_and_gets_no_request(
        bool isTrusted, bool isForThisHost)
    {
        bool gotRequest = false;
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(
            async daemon =>
            {
                await daemon.ReadHeadAsync();
                gotRequest = true;
            },
            isTrusted: isTrusted, isForThisHost: isForThisHost);

        (await proxy.RequestAsync()).AssertIsError(503);

        Assert.False(gotRequest);
    }

    [Fact(Timeout = 20_000)]
    public async Task Daemon_is_verified_by_its_name_as_by_its_address()
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(
            async daemon =>
            {
                await daemon.ReadHeadAsync();
                await daemon.SendAsync("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
            },
            host: "localhost");

        Assert.Equal(200, (await proxy.RequestAsync()).Status);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\n")]
    [InlineData("HELLO 200 OK\n\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: -5\n\n")]
    [InlineData("HTTP/1.1 200 OK\n folded\n\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length : 0\n\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 0\nX y: z\n\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 0\n: z\n\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 0\nContent-Type: a\u000bb\n\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 0\nContent-Length: 0\n\n")]
    [InlineData("HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n0\n\n")]
    [InlineData("HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n0\n\n")]
    [InlineData("HTTP/1.1 204 No Content\nContent-Length: 5\n\nhello")]
    [InlineData("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello!\n0\n\n")]
    [InlineData("HTTP/1.1 099 Hm\nContent-Length: 0\n\n")]
    [InlineData("HTTP/1.1 600 Hm\nContent-Length: 0\n\n")]
    [InlineData("HTTP/1.1 2000 OK\nContent-Length: 0\n\n")]
    [InlineData("HTTP/1.1  200 OK\nContent-Length: 0\n\n")]
    [InlineData("HTTP/2.0 200 OK\nContent-Length: 0\n\n")]
    [InlineData("HTTP/1.1 101 Switching Protocols\nUpgrade: x\n\n")]
    public async Task Daemon_that_breaks_off_or_answers_nonsense_is_503(string answer)
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.SendAsync(answer);
        });

        (await proxy.RequestAsync()).AssertIsError(503);
        Assert.Equal(0, proxy.Proxy.Upstreams.IdleCount);
    }

    [Fact(Timeout = 20_000)]
    public async Task Daemon_that_resets_while_the_client_is_still_sending_is_503_at_once()
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            daemon.Socket.LingerState = new LingerOption(true, 0);
            daemon.Socket.Close();
        });

        (await proxy.RequestAsync("PUT", headers: "Content-Length: 1000")).AssertIsError(503);
        await AssertLoggedAsync(
            proxy.Proxy, "Receiving the answer's head from https://127.0.0.1:[0-9]+ failed: Connection reset by peer");
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Length: 10\n\nhello")]
    [InlineData("Transfer-Encoding: chunked\n\n5\nhello\n")]
    [InlineData("Transfer-Encoding: chunked\n\n5\nhello\nxyz\n")]
    [InlineData("Transfer-Encoding: chunked\n\n5\nhello\n-1\n")]
    [InlineData("Transfer-Encoding: chunked\n\n5\nhello\n10000000000000000\n")]
    [InlineData("Connection: close\n\nhello")]
    [InlineData("\nhello")]
    public async Task Once_the_answer_has_begun_the_connection_is_cut(string rest)
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(async daemon =>
        {
            await daemon.ReadHeadAsync();
            await daemon.SendAsync("HTTP/1.1 200 OK\n" + rest);
            // Without close_notify: an answer that ends with its connection has not ended.
            daemon.Socket.Shutdown(SocketShutdown.Both);
        });

        using HttpResponseMessage answer = await proxy.Proxy.Client.GetAsync(
            ScriptedProxy.Url, HttpCompletionOption.ResponseHeadersRead);

        await Assert.ThrowsAnyAsync<Exception>(() => answer.Content.ReadAsByteArrayAsync());
    }

    [Fact(Timeout = 20_000)]
    public async Task Connecting_that_takes_longer_than_its_limit_is_504()
    {
        // Only the kernel accepts, and TLS is never answered.
        using var silent = new TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        await using ProxyFixture proxy = await ProxyFixture.StartAsync("imaged_connection_timeout_sec = 7", _time);
        await proxy.InstallAsync("image-1", ((System.Net.IPEndPoint)silent.LocalEndpoint).Port);
        using RawClient client = await proxy.ConnectAsync();
        await client.RequestAsync("GET", "/images/image-1");

        (await PassesUntilAsync(client.ReceiveAsync())).AssertIsError(504);
        await AssertLoggedAsync(proxy, "Connecting to https://127.0.0.1:[0-9]+ took longer than 7 s");
        await Eventually.HoldsAsync(() => proxy.Upstreams.BusyCount == 0, "nothing is left");
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET", "")]
    [InlineData("OPTIONS", "")]
    [InlineData("GET", "/extents")]
    public async Task Daemon_that_owes_an_answer_and_sends_none_is_504(string method, string subResource)
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(
            async daemon =>
            {
                await daemon.ReadHeadAsync();
                await daemon.StandStillAsync();
            },
            _time);
        using RawClient client = await proxy.ConnectAsync();
        await client.RequestAsync(method, ScriptedProxy.Url + subResource);

        RawResponse answer = await PassesUntilAsync(client.ReceiveAsync());

        answer.AssertIsError(504);
        await AssertLoggedAsync(proxy.Proxy, "https://127.0.0.1:[0-9]+ sent nothing of the answer's head for 120 s");
        await client.AssertOpenAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("PUT", "")]
    [InlineData("PATCH", "")]
    [InlineData("GET", "/checksum")]
    public async Task Answer_that_takes_as_long_as_the_storage_takes_is_waited_for(string method, string subResource)
    {
        var storage = new Held();
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(
            async daemon =>
            {
                await daemon.ReadHeadAsync();
                await daemon.ReadAsync(method == "GET" ? 0 : 5);
                await storage.StandAsync();
                await daemon.SendAsync("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
            },
            _time);
        using RawClient client = await proxy.ConnectAsync();
        await client.RequestAsync(
            method, ScriptedProxy.Url + subResource, method == "GET" ? [] : ["Content-Length: 5"]);
        await client.SendAsync(method == "GET" ? "" : "hello");
        await storage.Arrived;

        await SecondsPassAsync(600);
        storage.Release();

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
    }

    [Fact(Timeout = 20_000)]
    public async Task Daemon_that_stops_in_the_middle_of_its_answer_is_cut_off()
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(
            async daemon =>
            {
                await daemon.ReadHeadAsync();
                await daemon.SendAsync("HTTP/1.1 200 OK\nContent-Length: 10\n\nhello");
                await daemon.StandStillAsync();
            },
            _time);
        using RawClient client = await proxy.ConnectAsync();
        await client.RequestAsync("GET", ScriptedProxy.Url);
        await client.ReceiveAsync(hasBody: false);
        Assert.Equal("hello"u8.ToArray(), await client.ReadAsync(5));

        Assert.Empty(await PassesUntilAsync(client.ReadAsync(1)));
        await AssertLoggedAsync(proxy.Proxy, "https://127.0.0.1:[0-9]+ sent nothing of the answer's body for 120 s");
    }

    [Fact(Timeout = 30_000)]
    public async Task Daemon_that_stops_taking_an_upload_is_504_after_the_limit_although_its_answer_has_none()
    {
        await using ScriptedProxy proxy = await ScriptedProxy.StartAsync(
            async daemon =>
            {
                await daemon.ReadHeadAsync();
                await daemon.StandStillAsync();
            },
            _time);
        using RawClient client = await proxy.ConnectAsync();
        await client.RequestAsync("PUT", ScriptedProxy.Url, "Content-Length: 1000000000");
        Task sending = SendForeverAsync(client);

        RawResponse answer = await PassesUntilAsync(client.ReceiveAsync());

        answer.AssertIsError(504);
        await AssertLoggedAsync(proxy.Proxy, "https://127.0.0.1:[0-9]+ took nothing of the request's body for 120 s");
        client.Dispose();
        await sending;
    }

    // The side, and the direction. The answer does not wait for the log.
    private static Task AssertLoggedAsync(ProxyFixture proxy, string pattern) =>
        Eventually.HoldsAsync(() => Regex.IsMatch(proxy.ReadLog(), pattern), $"the log says: {pattern}");

    private static async Task SendForeverAsync(RawClient client)
    {
        byte[] part = new byte[64 * 1024];
        try
        {
            while (true)
            {
                await client.SendAsync(part);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The proxy has closed the connection.
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task<T> PassesUntilAsync<T>(Task<T> task)
    {
        await Eventually.HoldsAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return task.IsCompleted;
            },
            "the limit is over");
        return await task;
    }

    // Second by second, as the proxy's own sweep goes; each second lets it look at its connections.
    private async Task SecondsPassAsync(int seconds)
    {
        for (int second = 0; second < seconds; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
    }
}
