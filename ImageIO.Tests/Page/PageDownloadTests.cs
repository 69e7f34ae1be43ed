using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;
using Microsoft.Playwright;

namespace ImageIO.Tests.Page;

/// <summary>Downloads by the page, with and without a browser that writes straight into a file.</summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageDownloadTests(PageFixture fixture) : IDisposable
{
    private const int Mebibyte = 1024 * 1024;

    // A dialog is no page's: the file is one that the page's origin keeps, which is written to in the same way.
    private const string PickerInOwnFiles = """
        window.showSaveFilePicker = async ({ suggestedName }) => {
            window.suggestedName = suggestedName;
            return (await navigator.storage.getDirectory()).getFileHandle('saved', { create: true });
        };
        """;

    private const string Saved = """
        async () => {
            const file = await (await (await navigator.storage.getDirectory()).getFileHandle('saved')).getFile();
            const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
            return `${file.size} ${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
        }
        """;

    private readonly ImageDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableFact(Timeout = 60_000)]
    public async Task Image_goes_straight_into_the_file_without_its_zeroes_and_is_verified()
    {
        TestImage image = await AddImageAsync(48);
        await using var relay = new TcpRelay(fixture.Port);
        await using PageVisit visit = await VisitAsync(image, relay.Port);

        await visit.PressAsync("Download");
        await visit.ReachAsync("done");

        Assert.Equal("a disk.raw", await visit.Tab.EvaluateAsync<string>("suggestedName"));
        Assert.Equal(Expected(image), await visit.Tab.EvaluateAsync<string>(Saved));
        Assert.Equal(StubImageServer.Checksum(image.Content), await visit.ChecksumAsync());
        Assert.InRange(relay.Received, 11 * Mebibyte, 13 * Mebibyte);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Network_that_is_cut_costs_no_byte_that_has_arrived()
    {
        TestImage image = await AddImageAsync(48);
        await using var relay = new TcpRelay(fixture.Port) { ReceivedBytesPerSecond = 8 * Mebibyte };
        await using PageVisit visit = await VisitAsync(image, relay.Port);
        await visit.PressAsync("Download");
        await visit.ReachPercentAsync(85, relay);

        relay.IsCut = true;
        await visit.ReachAsync("offline");
        relay.ReceivedBytesPerSecond = long.MaxValue;
        relay.IsCut = false;
        await visit.SayOnlineAsync();
        await visit.ReachAsync("done");

        Assert.Equal(Expected(image), await visit.Tab.EvaluateAsync<string>(Saved));
        // The bytes in the network's own buffers are lost with it.
        Assert.InRange(relay.Received, 11 * Mebibyte, 19 * Mebibyte);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Paused_download_goes_on()
    {
        TestImage image = await AddImageAsync(48);
        await using var relay = new TcpRelay(fixture.Port) { ReceivedBytesPerSecond = 8 * Mebibyte };
        await using PageVisit visit = await VisitAsync(image, relay.Port);
        await visit.PressAsync("Download");
        await visit.ReachPercentAsync(85, relay);

        await visit.PressAsync("Pause");
        await visit.ReachAsync("paused");
        relay.ReceivedBytesPerSecond = long.MaxValue;
        await visit.PressAsync("Resume");
        await visit.ReachAsync("done");

        Assert.Equal(Expected(image), await visit.Tab.EvaluateAsync<string>(Saved));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Browser_without_a_picker_gets_an_ordinary_link()
    {
        TestImage image = await AddImageAsync(16);
        await using PageVisit visit = await VisitAsync(image, fixture.Port, "delete window.showSaveFilePicker");

        IDownload download = await visit.Tab.RunAndWaitForDownloadAsync(
            () => visit.Tab.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Download" }).ClickAsync());
        await download.SaveAsAsync(_files.File("saved"));

        Assert.Equal("a disk.raw", download.SuggestedFilename);
        await SampleFile.AssertSameAsync(image.Path, _files.File("saved"));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Ordinary_link_through_the_proxy_needs_no_more_than_the_signed_ticket()
    {
        await using ProxyFixture proxy = await ProxyFixture.StartAsync();
        proxy.Trust(fixture.Files.Certificate);
        TestImage image = await AddImageAsync(16);
        await using PageVisit visit = await PageVisit.StartAsync(
            fixture.Browser, $"https://127.0.0.1:{proxy.Port}", "", null, "delete window.showSaveFilePicker");
        await visit.GoAsync(proxy.Sign(image.Id, fixture.Port));
        await visit.ReachAsync("ready");
        proxy.Tickets.Remove(new TicketId(image.Id));

        IDownload download = await visit.Tab.RunAndWaitForDownloadAsync(
            () => visit.Tab.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Download" }).ClickAsync());
        await download.SaveAsAsync(_files.File("saved"));

        await SampleFile.AssertSameAsync(image.Path, _files.File("saved"));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Copy_that_differs_is_thrown_away()
    {
        await using StubImageServer server = await StubImageServer.StartAsync(8 * Mebibyte);
        server.Options["ops"] = new JsonArray("read");
        server.KnowsZeroes = false;
        await using PageVisit visit = await PageVisit.StartAsync(
            fixture.Browser, server.Origin, "stub", null, PickerInOwnFiles);
        await visit.ReachAsync("ready");
        await visit.Tab.EvaluateAsync(
            "async () => { await (await navigator.storage.getDirectory()).getFileHandle('saved', { create: true }); }");

        // Another image by the time that the checksum is taken.
        server.Interfere = context =>
        {
            if (context.Request.Path.Value!.EndsWith("/checksum", StringComparison.Ordinal))
            {
                server.Image[5] ^= 1;
            }

            return Task.FromResult(false);
        };
        await visit.PressAsync("Download");
        await visit.ReachAsync("failed");

        Assert.StartsWith("The copy differs from the disk", await visit.AlertAsync(), StringComparison.Ordinal);
        Assert.StartsWith("0 ", await visit.Tab.EvaluateAsync<string>(Saved), StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task File_that_cannot_be_written_is_told()
    {
        TestImage image = await AddImageAsync(16);
        await using PageVisit visit = await VisitAsync(image, fixture.Port, """
            window.showSaveFilePicker = async () => {
                const folder = await navigator.storage.getDirectory();
                return folder.getFileHandle('gone/elsewhere', { create: true });
            };
            """);

        await visit.PressAsync("Download");
        await visit.ReachAsync("failed");

        Assert.StartsWith("The file cannot be written", await visit.AlertAsync(), StringComparison.Ordinal);
    }

    private static string Expected(TestImage image)
    {
        byte[] content = image.Content;
        return $"{content.Length} {Convert.ToHexStringLower(SHA256.HashData(content))}";
    }

    private Task<PageVisit> VisitAsync(TestImage image, int port, string script = PickerInOwnFiles) =>
        PageVisit.StartAsync(fixture.Browser, $"https://127.0.0.1:{port}", image.Id, null, script);

    // Noise at the beginning, in the middle and at an odd end.
    private async Task<TestImage> AddImageAsync(int mebibytes)
    {
        string source = SampleFile.Create(
            _files, (mebibytes * Mebibyte) - 1000, (0, 3), (mebibytes / 2, 4), (mebibytes - 5, 4));
        var image = new TestImage(Guid.NewGuid().ToString(), source);
        await fixture.Daemon.InstallAsync(TicketBody.For(
            image.Id, image.Path, (mebibytes * Mebibyte) - 1000, "read").With("filename", "a disk.raw"));
        return image;
    }
}
