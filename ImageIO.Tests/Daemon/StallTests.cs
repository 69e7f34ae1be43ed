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
        await Eventually.HoldsAsync(() => _daemon.Tickets.All.Single().IsActive, "the operation runs");

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
            await Eventually.HoldsAsync(() => _daemon.Pool.RentedBytes > 0, "the write has begun");
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

    private async Task<TestImage> AddAsync(int size, int inactivityTimeout)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), _daemon.Files.CreateImage(new byte[size]));
        await _daemon.InstallAsync(TicketBody.For(image.Id, image.Path, size).With("inactivity_timeout", inactivityTimeout));
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
