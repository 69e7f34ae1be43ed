using ImageIO.Http.Listeners;
using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Daemon;

/// <summary>Clients that stay but move no byte, and storage that takes its time (daemon-api section 2).</summary>
public sealed class StallTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private DaemonFixture _daemon = null!;

    public async Task InitializeAsync() => _daemon = await DaemonFixture.StartAsync(time: _time);

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Theory(Timeout = 30_000)]
    [InlineData("PUT")]
    [InlineData("GET")]
    public async Task Stalled_client_is_cut_after_its_tickets_inactivity_timeout(string method)
    {
        const int Size = 8 * 1024 * 1024;
        TestImage image = await AddAsync(Size, inactivityTimeout: 30);
        using RawClient client = await RawClient.ConnectAsync(_daemon.Files.LocalSocket);
        await client.RequestAsync(method, image.Url, method == "PUT" ? [$"Content-Length: {Size}"] : []);
        // Opening the image counts as use, too, and ends before the operation starts.
        await Eventually.HoldsAsync(() => _daemon.Pool.RentedBytes > 0, "the operation runs");

        await SecondsPassAsync(29);
        Assert.True(_daemon.Tickets.All.Single().IsActive, "Cut too early");
        await PassesUntilAsync(() => !_daemon.Tickets.All.Single().IsActive, "the stalled client is cut");

        await _daemon.BecomesQuietAsync(image);
    }

    [Fact(Timeout = 30_000)]
    public async Task Idle_connection_that_opened_an_image_goes_after_the_tickets_time_and_others_after_60_s()
    {
        TestImage image = await AddAsync(10, inactivityTimeout: 5);
        using RawClient opened = await RawClient.ConnectTlsAsync(_daemon);
        using RawClient other = await RawClient.ConnectTlsAsync(_daemon);
        await opened.RequestAsync("GET", image.Url);
        await opened.ReceiveAsync();
        await other.RequestAsync("GET", "/info/");
        await other.ReceiveAsync();

        await PassesUntilAsync(() => _daemon.Tickets.All.Single().Connections == 0, "the idle connection is closed");
        await opened.AssertClosedAsync();
        await SecondsPassAsync(40);
        await other.AssertOpenAsync();
        await PassesUntilAsync(() => _daemon.Connections.Count == 0, "the other connection is closed");
        await other.AssertClosedAsync();
    }

    [Fact(Timeout = 30_000)]
    public async Task Client_that_does_not_take_extents_is_cut_and_the_image_is_closed()
    {
        // Some 800 KB of JSON: more than socket and server hold for a client.
        const int Count = 8000;
        const long Stride = 8192;
        string id = Guid.NewGuid().ToString();
        string path = _daemon.Files.CreateSparseImage(
            Count * Stride, Enumerable.Range(0, Count).Select(index => (index * Stride, new byte[] { 1 })));
        await _daemon.InstallAsync(TicketBody.For(id, path, Count * Stride, "read").With("inactivity_timeout", 30));
        using RawClient client = await RawClient.ConnectAsync(_daemon.Files.LocalSocket);
        await client.RequestAsync("GET", $"/images/{id}/extents");
        await Eventually.HoldsAsync(() => LocalConnection()?.HasStalled() == true, "the answer stands still");

        await PassesUntilAsync(() => LocalConnection() is null, "the stalled client is cut");

        await _daemon.BecomesQuietAsync(new TestImage(id, path));
    }

    [Theory(Timeout = 30_000)]
    [InlineData("HEAD /none")]
    [InlineData("GET /images/none/checksum")]
    [InlineData("OPTIONS /images/*")]
    public async Task Client_that_sends_requests_and_takes_no_answer_is_cut(string request)
    {
        using RawClient client = await RawClient.ConnectAsync(_daemon.Files.LocalSocket);
        string one = $"{request} HTTP/1.1\nHost: h\n\n";
        Task sending = client.SendAsync(string.Concat(Enumerable.Repeat(one, 20_000)));
        await Eventually.HoldsAsync(() => LocalConnection()?.TakesNoMore == true, "the answers stand still");

        await PassesUntilAsync(() => LocalConnection() is null, "the client is cut");

        // Sent in full or not: the daemon took some of it, and the kernel some more.
        await Record.ExceptionAsync(() => sending);
    }

    [Fact(Timeout = 30_000)]
    public async Task Request_whose_head_has_begun_is_served_after_idling_and_its_connection_then_closed()
    {
        using RawClient client = await RawClient.ConnectAsync(_daemon.Files.LocalSocket);
        await client.AssertOpenAsync();
        await client.SendAsync("GET /none HTTP/1.1\nHost: h\n");
        string log = _daemon.Files.ReadLog();

        await SecondsPassAsync(70);
        await client.SendAsync("\n");
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(404, response.Status);
        Assert.Equal("close", response.Header("connection"));
        await client.AssertClosedAsync();
        // Not once in each second of waiting.
        Assert.Single(
            _daemon.Files.ReadLog()[log.Length..].Split('\n'),
            line => line.Contains("idle or stalled", StringComparison.Ordinal));
    }

    [Fact(Timeout = 30_000)]
    public async Task Head_that_never_comes_to_its_end_is_408_after_as_long_as_idling_may_last()
    {
        Assert.Equal(ConnectionWatch.DefaultPatience, _daemon.ServerLimits.RequestHeadersTimeout);
        // By the server's own clock, which knows real time only.
        _daemon.ServerLimits.RequestHeadersTimeout = TimeSpan.FromMilliseconds(100);
        foreach (RawClient connected in (RawClient[])
        [
            await RawClient.ConnectTlsAsync(_daemon),
            await RawClient.ConnectAsync(_daemon.Files.LocalSocket),
            await RawClient.ConnectAsync(_daemon.Files.ControlSocket),
        ])
        {
            using RawClient client = connected;
            await client.AssertOpenAsync();

            await client.SendAsync("GET /images/x HTTP/1.1\nHost: h\n");
            RawResponse response = await client.ReceiveAsync();

            response.AssertIsError(408);
            Assert.Equal("close", response.Header("connection"));
            await client.AssertClosedAsync();
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Tls_handshake_has_60_s()
    {
        using RawClient client = await RawClient.ConnectTcpAsync(_daemon.RemotePort);
        await client.SendAsync(new byte[] { 22, 3, 1 });
        await Eventually.HoldsAsync(() => RemoteConnections(_daemon) == 1, "the connection was accepted");
        await SecondsPassAsync(59);
        Assert.Equal(1, RemoteConnections(_daemon));
        await PassesUntilAsync(() => RemoteConnections(_daemon) == 0, "the handshake is given up");
        await client.AssertClosedAsync();
    }

    [SkippableFact(Timeout = 60_000)]
    [Trait("Needs", "Root")]
    public async Task Storage_slower_than_the_timeout_cuts_nobody()
    {
        await using LoopFileSystem storage = await LoopFileSystem.CreateAsync(32);
        string id = Guid.NewGuid().ToString();
        string path = storage.Create("image", new byte[4096]);
        await _daemon.InstallAsync(TicketBody.For(id, path, 4096).With("inactivity_timeout", 5));
        using RawClient client = await RawClient.ConnectAsync(_daemon.Files.LocalSocket);
        byte[] content = TestImage.Random(4096);

        await storage.FreezeAsync();
        try
        {
            await client.RequestAsync("PUT", $"/images/{id}", "Content-Length: 4096");
            await client.SendAsync(content);
            await Eventually.HoldsAsync(
                () => _daemon.Pool.RentedBytes + _daemon.Pool.SmallBytes > 0, "the write has begun");
            await SecondsPassAsync(60);
            Assert.True(_daemon.Tickets.All.Single().IsActive, "Cut while the storage worked");
        }
        finally
        {
            await storage.ThawAsync();
        }

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Equal(content, await File.ReadAllBytesAsync(path));
        client.Dispose();
        await _daemon.BecomesQuietAsync(new TestImage(id, path));
    }

    private static int RemoteConnections(DaemonFixture daemon) =>
        daemon.Connections.Open.Count(connection => connection.Service == "remote");

    private ClientConnection? LocalConnection() =>
        _daemon.Connections.Open.SingleOrDefault(connection => connection.Service == "local");

    private async Task<TestImage> AddAsync(int size, int inactivityTimeout)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), _daemon.Files.CreateImage(new byte[size]));
        await _daemon.InstallAsync(
            TicketBody.For(image.Id, image.Path, size).With("inactivity_timeout", inactivityTimeout));
        return image;
    }

    // Second by second, as the daemon's own sweep goes; each second lets it look at its connections.
    private async Task SecondsPassAsync(int seconds)
    {
        for (int second = 0; second < seconds; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        }
    }

    private Task PassesUntilAsync(Func<bool> condition, string what) => Eventually.HoldsAsync(
        () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return condition();
        },
        what);
}
