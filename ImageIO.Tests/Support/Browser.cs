using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;

namespace ImageIO.Tests.Support;

/// <summary>Headless Chromium, the system's, and a web server for the pages that it opens.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;
    private WebApplication? _server;

    private Browser(IPlaywright playwright, IBrowser browser)
    {
        _playwright = playwright;
        _browser = browser;
    }

    /// <summary>The program. Null: it is not installed.</summary>
    public static string? Executable { get; } = BalancerSample.Find("chromium");

    public static async Task<Browser> StartAsync()
    {
        IPlaywright playwright = await Playwright.CreateAsync();
        // Without its sandbox, which root cannot have, without /dev/shm, which containers have little of, and without
        // its conversations with its maker.
        IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Executable,
            Args =
            [
                "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        });
        return new Browser(playwright, browser);
    }

    /// <summary>Opens a page at an origin of its own, <c>http://localhost:PORT</c>.</summary>
    public async Task<IPage> OpenAsync(string html)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.Run(context =>
        {
            context.Response.ContentType = "text/html; charset=utf-8";
            return context.Response.WriteAsync(html);
        });
        await _server.StartAsync();
        IBrowserContext context = await NewContextAsync();
        IPage page = await context.NewPageAsync();
        await page.GotoAsync($"http://localhost:{new Uri(_server.Urls.Single()).Port}/");
        return page;
    }

    /// <summary>A new window that shares nothing with others.</summary>
    /// <param name="options">Options. Null: the defaults.</param>
    public Task<IBrowserContext> NewContextAsync(BrowserNewContextOptions? options = null)
    {
        options ??= new BrowserNewContextOptions();
        // No system trusts the tests' certificate authority.
        options.IgnoreHTTPSErrors = true;
        return _browser.NewContextAsync(options);
    }

    /// <summary>The DevTools protocol of the browser as a whole.</summary>
    public Task<ICDPSession> NewSessionAsync() => _browser.NewBrowserCDPSessionAsync();

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
        if (_server is not null)
        {
            await _server.StopAsync();
            await _server.DisposeAsync();
        }
    }
}
