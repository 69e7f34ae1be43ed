using System.Collections.Concurrent;
using System.Globalization;
using ImageIO.Page;
using ImageIO.Tests.Support;
using Microsoft.Playwright;

namespace ImageIO.Tests.Page;

/// <summary>A person's visit to the page: one tab, watched for what it must never do.</summary>
internal sealed class PageVisit : IAsyncDisposable
{
    // Far more than anything here takes; a test that waits so long has failed.
    private const float Patience = 30_000;

    private readonly IBrowserContext _context;
    private string _origin;

    // Every page that was opened: one that is left may still be loading its files.
    private readonly ConcurrentBag<string> _origins = [];
    private readonly List<string> _offences = [];

    private PageVisit(IBrowserContext context, IPage page, string origin)
    {
        _context = context;
        _origin = origin;
        _origins.Add(origin);
        Tab = page;
        Watch(page);
    }

    public IPage Tab { get; }

    /// <summary>The state that the page says it is in.</summary>
    public Task<string?> StateAsync() => Tab.GetAttributeAsync("main", "data-state");

    public static async Task<PageVisit> StartAsync(
        Browser browser, string origin, string fragment, BrowserNewContextOptions? options, string script = "")
    {
        IBrowserContext context = await browser.NewContextAsync(options);
        if (script.Length > 0)
        {
            await context.AddInitScriptAsync(script);
        }

        context.SetDefaultTimeout(Patience);
        IPage page = await context.NewPageAsync();
        var visit = new PageVisit(context, page, origin);
        await visit.GoAsync(fragment);
        return visit;
    }

    /// <summary>Opens the page with another link.</summary>
    public Task GoAsync(string fragment) => Tab.GotoAsync(
        fragment.Length == 0 ? $"{_origin}/" : $"{_origin}/#{fragment}");

    /// <summary>Opens the page at another server.</summary>
    public Task LeaveForAsync(string origin, string fragment)
    {
        _origin = origin;
        _origins.Add(origin);
        return GoAsync(fragment);
    }

    /// <summary>Opens a second tab of the same browser.</summary>
    public async Task<IPage> OpenTabAsync(string fragment)
    {
        IPage page = await _context.NewPageAsync();
        Watch(page);
        await page.GotoAsync($"{_origin}/#{fragment}");
        return page;
    }

    /// <summary>Waits for a state; one that ends all fails.</summary>
    public async Task ReachAsync(string state, float patience = Patience)
    {
        try
        {
            await Tab.WaitForSelectorAsync(
                $"main[data-state={state}], main[data-state=failed], main[data-state=done]",
                new PageWaitForSelectorOptions { Timeout = patience });
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException(
                $"{await StateAsync()} in place of {state}: {await Tab.InnerTextAsync("main")}", e);
        }

        string? reached = await StateAsync();
        Assert.True(reached == state, $"{reached} in place of {state}: {await Tab.InnerTextAsync("main")}");
    }

    /// <summary>Waits for a state without waiting for the times between attempts.</summary>
    public async Task SkipWaitsAsync(string state)
    {
        await Eventually.HoldsAsync(
            async () =>
            {
                await SayOnlineAsync();
                return await StateAsync() == state;
            },
            $"the page is {state}");
    }

    /// <summary>
    /// Waits until so much of a transfer is done, and slows its network down, so that it does not end meanwhile.
    /// </summary>
    public async Task ReachPercentAsync(int percent, TcpRelay relay)
    {
        await Tab.WaitForFunctionAsync(
            "percent => Number(document.querySelector('[role=progressbar]').ariaValueNow) >= percent", percent);
        relay.Crawl();
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

    /// <summary>The text of the alert.</summary>
    public async Task<string> AlertAsync() => await Tab.GetByRole(AriaRole.Alert).First.InnerTextAsync();

    /// <summary>The checksum that the page shows at the end.</summary>
    public async Task<string> ChecksumAsync() => (await Tab.GetAttributeAsync("[data-checksum]", "data-checksum"))!;

    /// <summary>Percent, as those hear it who do not see the bar.</summary>
    public async Task<int> PercentAsync() => int.Parse(
        (await Tab.GetAttributeAsync("[role=progressbar]", "aria-valuenow"))!, CultureInfo.InvariantCulture);

    /// <summary>Pauses and resumes, unless the upload has ended.</summary>
    public async Task PauseAndResumeAsync()
    {
        // By script: a button that has just gone is no failure.
        await Tab.EvaluateAsync("document.querySelector('#pause').click()");
        await Task.Delay(50);
        await Tab.EvaluateAsync("document.querySelector('#resume').click()");
    }

    /// <summary>
    /// Waits until the browser has kept that so many bytes are durable, and tells how many there are.
    /// </summary>
    public async Task<long> DurableAsync(long atLeast)
    {
        long durable = 0;
        await Eventually.HoldsAsync(
            async () =>
                (durable = await Tab.EvaluateAsync<long>(StoredRecord)) >= atLeast, $"{atLeast} bytes are durable");
        return durable;
    }

    /// <summary>Delays requests until the gate is released.</summary>
    public Task HoldAsync(string url, SemaphoreSlim gate) => _context.RouteAsync(url, async route =>
    {
        await gate.WaitAsync();
        await route.ContinueAsync();
    });

    /// <summary>Calls a function with one of the page's modules.</summary>
    /// <param name="module">The file's name.</param>
    /// <param name="script">The function, of the module and the argument; <c>folder</c> is the modules' folder.</param>
    /// <param name="argument">Its second argument.</param>
    public Task<T> ImportAsync<T>(string module, string script, object? argument = null) => Tab.EvaluateAsync<T>(
        $"async ([folder, name, argument]) => ({script})(await import(folder + name), argument)",
        new object?[] { _origin + PageFiles.Load().Folder, module, argument });

    /// <summary>Does one thing, and ends the visit.</summary>
    public async Task<T> DisposingAsync<T>(Func<PageVisit, Task<T>> use)
    {
        await using (this)
        {
            return await use(this);
        }
    }

    /// <summary>Tells the page that the network is back, like a browser.</summary>
    public Task SayOnlineAsync() => Tab.EvaluateAsync("dispatchEvent(new Event('online'))");

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        Assert.Empty(_offences);
    }

    // Bytes in the only record of this browser.
    private const string StoredRecord = """
        () => new Promise((resolve) => {
            const opening = indexedDB.open('imageio', 1);
            opening.onupgradeneeded = () => opening.result.createObjectStore('uploads');
            opening.onsuccess = () => {
                const all = opening.result.transaction('uploads').objectStore('uploads').getAll();
                all.onsuccess = () => {
                    const bounds = all.result[0]?.durable ?? [];
                    opening.result.close();
                    resolve(bounds.reduce((sum, bound, i) => sum + (i % 2 === 0 ? -bound : bound), 0));
                };
            };
        })
        """;

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
            if (!_origins.Any(origin => request.Url.StartsWith(origin, StringComparison.Ordinal)))
            {
                _offences.Add($"A request to {request.Url}");
            }
        };
    }
}
