using ImageIO.Tests.Support;
using Microsoft.Playwright;

namespace ImageIO.Tests.Page;

/// <summary>The page's messages about a link before a transfer (web.md section 2, first point).</summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageLinkTests(PageFixture fixture)
{
    private const int Mebibyte = 1024 * 1024;

    [SkippableFact(Timeout = 30_000)]
    public async Task Without_a_link_the_page_asks_for_one_and_takes_a_transfer_URL_or_an_id()
    {
        TestImage image = await fixture.AddEmptyImageAsync(
            10 * Mebibyte, ticket => ticket.With("filename", "root.raw"));
        await using PageVisit visit = await fixture.VisitAsync();
        await visit.ReachAsync("empty");

        await visit.Tab.GetByLabel("Transfer link or ticket").FillAsync(
            $"  https://127.0.0.1:{fixture.Port}/images/{image.Id}\n");
        await visit.PressAsync("Open");
        await visit.ReachAsync("ready");
        string screen = await visit.Tab.InnerTextAsync("main");
        string address = visit.Tab.Url;
        await visit.Tab.GotoAsync("about:blank");
        await visit.GoAsync("");
        await visit.Tab.GetByRole(AriaRole.Textbox).FillAsync(image.Id);
        await visit.Tab.Keyboard.PressAsync("Enter");
        await visit.ReachAsync("ready");

        Assert.Contains("root.raw", screen, StringComparison.Ordinal);
        Assert.Contains("10 MiB", screen, StringComparison.Ordinal);
        Assert.Contains("Upload to", screen, StringComparison.Ordinal);
        Assert.Contains("link valid for 5 min", screen, StringComparison.Ordinal);
        Assert.EndsWith($"/#{image.Id}", address, StringComparison.Ordinal);
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("unknown", "No such link", "Open another link")]
    [InlineData("expired", "This link has expired", "Try again")]
    public async Task Link_that_is_of_no_use_is_told_why_and_what_to_do(string kind, string title, string next)
    {
        TestImage image = await fixture.AddEmptyImageAsync(Mebibyte);
        await fixture.ChangeTimeoutAsync(image.Id, 0);
        await using PageVisit visit = await fixture.VisitAsync(kind == "expired" ? image.Id : "nobody-knows-this");

        await visit.ReachAsync("failed");

        Assert.StartsWith(title, await visit.AlertAsync(), StringComparison.Ordinal);
        await visit.Tab.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = next }).WaitForAsync();
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Link_that_was_prolonged_is_tried_again_by_one_button()
    {
        TestImage image = await fixture.AddEmptyImageAsync(Mebibyte);
        await fixture.ChangeTimeoutAsync(image.Id, 0);
        await using PageVisit visit = await fixture.VisitAsync(image.Id);
        await visit.ReachAsync("failed");

        await fixture.ChangeTimeoutAsync(image.Id, 300);
        await visit.PressAsync("Try again");

        await visit.ReachAsync("ready");
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Link_to_another_server_leads_there()
    {
        await using PageVisit visit = await fixture.VisitAsync();

        await visit.Tab.GetByRole(AriaRole.Textbox).FillAsync("https://other.example:54322/images/some-ticket");
        await visit.PressAsync("Open");

        ILocator link = visit.Tab.GetByRole(
            AriaRole.Link, new PageGetByRoleOptions { Name = "Open it on other.example:54322" });
        Assert.Equal("https://other.example:54322/#some-ticket", await link.GetAttributeAsync("href"));
        Assert.Equal("empty", await visit.StateAsync());
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Anything_else_is_no_link()
    {
        await using PageVisit visit = await fixture.VisitAsync();

        await visit.Tab.GetByRole(AriaRole.Textbox).FillAsync("https://127.0.0.1/somewhere");
        await visit.PressAsync("Open");

        Assert.StartsWith("This is no transfer link", await visit.AlertAsync(), StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Server_that_does_not_answer_is_told()
    {
        TestImage image = await fixture.AddEmptyImageAsync(Mebibyte);
        await using var relay = new TcpRelay(fixture.Port);
        TestImage other = await fixture.AddEmptyImageAsync(Mebibyte);
        await using PageVisit visit = await fixture.VisitAsync(other.Id, relay.Port);
        await visit.ReachAsync("ready");
        relay.IsCut = true;

        await visit.GoAsync(image.Id);
        await visit.ReachAsync("failed");
        string alert = await visit.AlertAsync();
        relay.IsCut = false;
        await visit.PressAsync("Try again");

        await visit.ReachAsync("ready");
        Assert.StartsWith("The server does not answer", alert, StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task What_the_ticket_permits_is_what_the_page_offers()
    {
        TestImage image = await fixture.Daemon.AddImageAsync(new byte[Mebibyte], "read");
        TestImage both = await fixture.Daemon.AddImageAsync(new byte[Mebibyte], "read", "write");
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.ReachAsync("ready");
        bool hasInput = await visit.Tab.IsVisibleAsync("#choose");
        bool hasDownload = await visit.Tab.IsVisibleAsync("#download, #download-link");
        await visit.GoAsync(both.Id);
        await visit.Tab.GetByText("Upload or download").WaitForAsync();

        Assert.False(hasInput);
        Assert.True(hasDownload);
        Assert.True(await visit.Tab.IsVisibleAsync("#choose"));
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Ticket_id_is_kept_nowhere_but_in_the_address()
    {
        TestImage image = await fixture.AddEmptyImageAsync(Mebibyte);
        await using PageVisit visit = await fixture.VisitAsync(image.Id);
        string source = fixture.Files.CreateImage(TestImage.Random(Mebibyte));
        await visit.UploadAsync(source);
        await visit.ReachAsync("done");

        string kept = await visit.Tab.EvaluateAsync<string>("""
            async () => {
                const stored = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
                const all = [document.cookie, ...stored, document.body.innerHTML];
                for (const { name } of await indexedDB.databases()) {
                    const database = await new Promise((resolve) => {
                        const opening = indexedDB.open(name);
                        opening.onsuccess = () => resolve(opening.result);
                    });
                    for (const store of database.objectStoreNames) {
                        const objects = database.transaction(store).objectStore(store);
                        for (const request of [objects.getAll(), objects.getAllKeys()]) {
                            all.push(await new Promise((resolve) => {
                                request.onsuccess = () => resolve(JSON.stringify(request.result));
                            }));
                        }
                    }
                }
                return all.join('\n');
            }
            """);

        Assert.DoesNotContain(image.Id, kept, StringComparison.Ordinal);
        Assert.DoesNotContain(image.Id, fixture.Files.ReadLog(), StringComparison.Ordinal);
    }
}
