using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using ImageIO.Tests.Architecture;
using ImageIO.Tests.Support;
using Microsoft.Playwright;

namespace ImageIO.Tests.Page;

/// <summary>
/// Each state of the page as people meet it: nothing that keeps anybody out (axe), nothing wider than a small
/// telephone, light and dark. With IMAGEIO_PAGE_SHOTS set to a folder, the pictures that docs/page.md shows go there.
/// </summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageTourTests(PageFixture fixture) : IDisposable
{
    private const int Mebibyte = 1024 * 1024;
    private const int Narrow = 320;
    private const int Wide = 1280;

    private static readonly string? Shots = Environment.GetEnvironmentVariable("IMAGEIO_PAGE_SHOTS");

    private readonly ImageDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableTheory(Timeout = 120_000)]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Every_state_is_for_everybody(ColorScheme scheme)
    {
        string source = SampleFile.Create(
            _files, "debian root.raw",
            48 * Mebibyte, [(0, 1), .. Enumerable.Range(1, 11).Select(i => (i * 4L, (i % 3) + 1L)), (44, 3)]);
        TestImage image = await fixture.AddEmptyImageAsync(
            48 * Mebibyte, ticket => ticket.With("filename", "web server, root disk").With("timeout", 3600));
        await using var relay = new TcpRelay(fixture.Port) { BytesPerSecond = 10 * Mebibyte };
        await using PageVisit visit = await fixture.VisitAsync(
            "", relay.Port, new BrowserNewContextOptions
            {
                ColorScheme = scheme,
                ViewportSize = new ViewportSize { Width = Wide, Height = 720 },
            });
        await visit.ReachAsync("empty");
        await LookAsync(visit, scheme, "empty");

        await visit.GoAsync(image.Id);
        await visit.ReachAsync("ready");
        await LookAsync(visit, scheme, "ready");
        await visit.ChooseAsync(source);
        await LookAsync(visit, scheme, "chosen");
        await visit.PressAsync("Upload");
        await visit.ReachPercentAsync(40, relay);
        await LookAsync(visit, scheme, "running");
        await visit.PressAsync("Pause");
        await visit.ReachAsync("paused");
        await LookAsync(visit, scheme, "paused");
        relay.IsCut = true;
        await visit.PressAsync("Resume");
        await visit.ReachAsync("offline");
        await LookAsync(visit, scheme, "offline");
        relay.IsCut = false;
        relay.BytesPerSecond = long.MaxValue;
        // The answer to the checksum waits until we have looked.
        using var looked = new SemaphoreSlim(0);
        await visit.HoldAsync("**/checksum?*", looked);
        await visit.SayOnlineAsync();
        await visit.ReachAsync("verifying");
        await LookAsync(visit, scheme, "verifying");
        looked.Release();
        await visit.ReachAsync("done");
        await LookAsync(visit, scheme, "done");

        await visit.GoAsync("no-such-ticket");
        await visit.ReachAsync("failed");
        await LookAsync(visit, scheme, "failed");
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Keyboard_alone_is_enough()
    {
        string source = SampleFile.Create(_files, 24 * Mebibyte, (0, 24));
        TestImage image = await fixture.AddEmptyImageAsync(24 * Mebibyte);
        await using var relay = new TcpRelay(fixture.Port) { BytesPerSecond = 10 * Mebibyte };
        await using PageVisit visit = await fixture.VisitAsync("", relay.Port);
        IKeyboard keyboard = visit.Tab.Keyboard;
        await visit.ReachAsync("empty");

        await keyboard.PressAsync("Tab");
        await keyboard.TypeAsync(image.Id);
        await keyboard.PressAsync("Enter");
        await visit.ReachAsync("ready");
        await visit.Tab.FocusAsync("body");
        await keyboard.PressAsync("Tab");
        Assert.Equal("file", await FocusedAsync(visit));
        // The system's own dialog is the system's.
        await visit.ChooseAsync(source);
        await keyboard.PressAsync("Tab");
        Assert.Equal("upload", await FocusedAsync(visit));
        await keyboard.PressAsync("Enter");
        await visit.ReachPercentAsync(10, relay);
        // The pressed button has gone, so the next control has the focus.
        Assert.Equal("pause", await FocusedAsync(visit));
        await keyboard.PressAsync("Enter");
        await visit.ReachAsync("paused");
        Assert.Equal("resume", await FocusedAsync(visit));
        relay.BytesPerSecond = long.MaxValue;
        await keyboard.PressAsync("Enter");
        await visit.ReachAsync("done");
    }

    private static Task<string> FocusedAsync(PageVisit visit) => visit.Tab.EvaluateAsync<string>(
        "document.activeElement.id");

    private static async Task LookAsync(PageVisit visit, ColorScheme scheme, string state)
    {
        AxeResult result = await visit.Tab.RunAxe();
        Assert.True(result.Violations.Length == 0, $"{state}: {string.Join("; ", result.Violations.Select(Describe))}");

        if (scheme == ColorScheme.Light)
        {
            await ShootAsync(visit, state);
        }

        await visit.Tab.SetViewportSizeAsync(Narrow, 640);
        int width = await visit.Tab.EvaluateAsync<int>("document.documentElement.scrollWidth");
        if (scheme == ColorScheme.Dark && state is "running" or "done")
        {
            await ShootAsync(visit, $"{state}-small");
        }

        await visit.Tab.SetViewportSizeAsync(Wide, 720);
        Assert.True(width <= Narrow, $"{state} is {width} pixels wide");
    }

    private static async Task ShootAsync(PageVisit visit, string name)
    {
        if (Shots is { } folder)
        {
            await visit.Tab.Locator("main").ScreenshotAsync(new LocatorScreenshotOptions
            {
                Path = Path.Combine(SourceTree.Root, folder, $"page-{name}.png"),
            });
        }
    }

    private static string Describe(AxeResultItem item) =>
        $"{item.Id} {item.Help}: {string.Join(", ", item.Nodes.Select(node => node.Html))}";
}
