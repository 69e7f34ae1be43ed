using System.Globalization;
using ImageIO.Tests.Support;
using Microsoft.Playwright;

namespace ImageIO.Tests.Page;

/// <summary>A person's visit to the page: one tab, watched for what it must never do.</summary>
internal sealed class PageVisit : IAsyncDisposable
{
    // Far more than anything here takes; a test that waits so long has failed.
    private const float Patience = 30_000;

    private readonly IBrowserContext _context;
    private readonly string _origin;
    private readonly List<string> _offences = [];

    private PageVisit(IBrowserContext context, IPage page, string origin)
    {
        _context = context;
        _origin = origin;
        Tab = page;
        Watch(page);
    }

    public IPage Tab { get; }

    /// <summary>The state that the page says it is in.</summary>
    public Task<string?> StateAsync() => Tab.GetAttributeAsync("main", "data-state");

    public static async Task<PageVisit> StartAsync(
        Browser browser, string origin, string fragment, BrowserNewContextOptions? options)
    {
        IBrowserContext context = await browser.NewContextAsync(options);
        context.SetDefaultTimeout(Patience);
        IPage page = await context.NewPageAsync();
        var visit = new PageVisit(context, page, origin);
        await visit.GoAsync(fragment);
        return visit;
    }

    /// <summary>Opens the page with another link.</summary>
    public Task GoAsync(string fragment) => Tab.GotoAsync(fragment.Length == 0 ? $"{_origin}/" : $"{_origin}/#{fragment}");

    /// <summary>Opens a second tab of the same browser.</summary>
    public async Task<IPage> OpenTabAsync(string fragment)
    {
        IPage page = await _context.NewPageAsync();
        Watch(page);
        await page.GotoAsync($"{_origin}/#{fragment}");
        return page;
    }

    /// <summary>Waits for a state.</summary>
    public async Task ReachAsync(string state)
    {
        string other = state is "failed" or "done" ? $", main[data-state={(state == "done" ? "failed" : "done")}]" : "";
        await Tab.WaitForSelectorAsync($"main[data-state={state}]{other}");
        string? reached = await StateAsync();
        Assert.True(reached == state, $"{reached} in place of {state}: {await Tab.InnerTextAsync("main")}");
    }

    /// <summary>Chooses a file, as a person does, once the page lets them.</summary>
    public async Task ChooseAsync(string path)
    {
        await ReachAsync("ready");
        await Tab.SetInputFilesAsync("input[type=file]", path);
        await Tab.GetByText("Kind of file").WaitForAsync();
    }

    /// <summary>Presses a button.</summary>
    public Task PressAsync(string name) =>
        Tab.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = name, Exact = true }).ClickAsync();

    /// <summary>Chooses a file and uploads it.</summary>
    public async Task UploadAsync(string path)
    {
        await ChooseAsync(path);
        await PressAsync("Upload");
    }

    /// <summary>What stands in the alert.</summary>
    public async Task<string> AlertAsync() => await Tab.GetByRole(AriaRole.Alert).First.InnerTextAsync();

    /// <summary>The checksum that the page shows at the end.</summary>
    public async Task<string> ChecksumAsync() => (await Tab.GetAttributeAsync("[data-checksum]", "data-checksum"))!;

    /// <summary>Percent, as those hear it who do not see the bar.</summary>
    public async Task<int> PercentAsync() => int.Parse(
        (await Tab.GetAttributeAsync("[role=progressbar]", "aria-valuenow"))!, CultureInfo.InvariantCulture);

    /// <summary>Ends the waiting for a lost network, as a browser does that hears of it.</summary>
    public Task SayOnlineAsync() => Tab.EvaluateAsync("dispatchEvent(new Event('online'))");

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        Assert.Empty(_offences);
    }

    // The browser reports what the content security policy stops as an error on the console.
    private void Watch(IPage page)
    {
        page.Console += (_, message) =>
        {
            if (message.Text.Contains("Content Security Policy", StringComparison.OrdinalIgnoreCase))
            {
                _offences.Add(message.Text);
            }
        };
        page.PageError += (_, error) => _offences.Add(error);
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(_origin, StringComparison.Ordinal))
            {
                _offences.Add($"A request to {request.Url}");
            }
        };
    }
}
