using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using Microsoft.Playwright;

namespace ImageIO.Tests.Page;

/// <summary>One browser and one daemon for all tests of the page; each has tabs and tickets of its own.</summary>
public sealed class PageFixture : IAsyncLifetime
{
    /// <summary>The collection whose classes share it.</summary>
    public const string Collection = "The page";

    private Browser? _browser;
    private DaemonProcess? _daemon;

    internal Browser Browser => _browser ?? throw new SkipException("needs chromium");

    internal DaemonProcess Daemon => _daemon ?? throw new InvalidOperationException("Not started");

    internal int Port => new Uri(Daemon.RemoteUrl).Port;

    internal DaemonFiles Files { get; } = new();

    public async Task InitializeAsync()
    {
        if (Browser.Executable is not null)
        {
            _browser = await Browser.StartAsync();
        }

        _daemon = await DaemonProcess.StartAsync(Files);
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }

        Files.Dispose();
    }

    /// <summary>A tab on the page of this daemon.</summary>
    /// <param name="fragment">The text after the "#". Empty: no link.</param>
    /// <param name="port">The page's port. Null: the daemon's.</param>
    /// <param name="options">Options of the window.</param>
    internal Task<PageVisit> VisitAsync(
        string fragment = "", int? port = null, BrowserNewContextOptions? options = null) =>
        PageVisit.StartAsync(Browser, $"https://127.0.0.1:{port ?? Port}", fragment, options);

    /// <summary>Lets a ticket expire so many seconds from now.</summary>
    internal async Task ChangeTimeoutAsync(string id, int seconds)
    {
        using HttpResponseMessage response = await Daemon.Control.PatchAsync(
            $"/tickets/{id}", new StringContent(new JsonObject { ["timeout"] = seconds }.ToJsonString()));
        response.EnsureSuccessStatusCode();
    }

    /// <summary>An empty, sparse image of a size with a ticket to write it.</summary>
    internal async Task<TestImage> AddEmptyImageAsync(long size, Func<JsonObject, JsonObject>? change = null)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), Files.CreateSparseImage(size));
        JsonObject ticket = TicketBody.For(image.Id, image.Path, size).With("sparse", true);
        await Daemon.InstallAsync(change is null ? ticket : change(ticket));
        return image;
    }
}
