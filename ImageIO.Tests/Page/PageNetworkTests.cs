using System.Globalization;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Page;

/// <summary>Uploads by the page over a network that is cut, slow, or lies, and to a daemon that dies.</summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageNetworkTests(PageFixture fixture) : IDisposable
{
    private const int Mebibyte = 1024 * 1024;

    // 100 in the long form.
    private static readonly int Rounds =
        int.Parse(Environment.GetEnvironmentVariable("IMAGEIO_PAGE_ROUNDS") ?? "3", CultureInfo.InvariantCulture);

    // In mebibytes: what the file of the random rounds has, and how much of that is data.
    private const int Size = 24;
    private const int Data = 19;

    // Four requests of 4 MiB.
    private const long Underway = 16 * Mebibyte;

    // Handshakes, heads, the page itself.
    private const long Overhead = Mebibyte;

    private readonly ImageDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableFact(Timeout = 60_000)]
    public async Task Lost_network_is_told_and_tried_again_until_it_is_back_and_nothing_is_lost()
    {
        string source = SampleFile.Create(_files, 32 * Mebibyte, (0, 32));
        TestImage image = await fixture.AddEmptyImageAsync(32 * Mebibyte);
        await using var relay = new TcpRelay(fixture.Port) { BytesPerSecond = 10 * Mebibyte };
        await using PageVisit visit = await fixture.VisitAsync(image.Id, relay.Port);
        await visit.UploadAsync(source);
        await visit.ReachPercentAsync(30, relay);

        relay.IsCut = true;
        await visit.ReachAsync("offline");
        string told = await visit.Tab.InnerTextAsync("#status");
        // An hour is many attempts that fail; how long each one waits makes no difference to what comes after.
        for (int attempt = 0; attempt < 6; attempt++)
        {
            await visit.SayOnlineAsync();
        }

        string after = await visit.Tab.InnerTextAsync("#status");
        relay.BytesPerSecond = long.MaxValue;
        relay.IsCut = false;
        await visit.SayOnlineAsync();
        await visit.ReachAsync("done");

        Assert.StartsWith("The connection is lost. Trying again", told, StringComparison.Ordinal);
        Assert.StartsWith("The connection is lost. Trying again", after, StringComparison.Ordinal);
        await SampleFile.AssertSameAsync(source, image.Path);
        // Ranges that were answered before the cut became durable by the first flush after it, and were not sent again.
        Assert.InRange(relay.Sent, 32 * Mebibyte, 52 * Mebibyte);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Network_that_is_cut_for_a_moment_needs_nobody()
    {
        string source = SampleFile.Create(_files, 32 * Mebibyte, (0, 32));
        TestImage image = await fixture.AddEmptyImageAsync(32 * Mebibyte);
        await using var relay = new TcpRelay(fixture.Port) { BytesPerSecond = 10 * Mebibyte };
        await using PageVisit visit = await fixture.VisitAsync(image.Id, relay.Port);
        await visit.UploadAsync(source);
        await visit.ReachPercentAsync(30, relay);

        relay.Cut();
        relay.BytesPerSecond = long.MaxValue;
        await visit.ReachAsync("done");

        await SampleFile.AssertSameAsync(source, image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Daemon_that_is_killed_and_started_again_with_the_ticket_gets_the_rest()
    {
        using var files = new DaemonFiles();
        string source = SampleFile.Create(_files, 32 * Mebibyte, (0, 32));
        string path = files.CreateSparseImage(32 * Mebibyte);
        JsonObject ticket = TicketBody.For("restart", path, 32 * Mebibyte);
        DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        await using var relay = new TcpRelay(new Uri(daemon.RemoteUrl).Port) { BytesPerSecond = 10 * Mebibyte };
        await using PageVisit visit = await fixture.VisitAsync("restart", fixture.Port);
        await daemon.InstallAsync(ticket);
        await visit.LeaveForAsync($"https://127.0.0.1:{relay.Port}", "restart");
        await visit.UploadAsync(source);
        await visit.ReachPercentAsync(30, relay);

        await daemon.DisposeAsync();
        await visit.ReachAsync("offline");
        File.Delete(files.LogFile);
        await using DaemonProcess second = await DaemonProcess.StartAsync(files);
        relay.ServerPort = new Uri(second.RemoteUrl).Port;
        relay.BytesPerSecond = long.MaxValue;
        await visit.SayOnlineAsync();
        // It is back, and its manager comes a little later.
        await visit.Tab.Locator("#status")
            .GetByText("The server is back, but does not know this link yet.").WaitForAsync();
        await second.InstallAsync(ticket);
        await visit.SayOnlineAsync();
        await visit.ReachAsync("done");

        await SampleFile.AssertSameAsync(source, path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Reloaded_page_goes_on_with_the_same_file_and_sends_nothing_durable_again()
    {
        string source = SampleFile.Create(_files, 40 * Mebibyte, (0, 40));
        TestImage image = await fixture.AddEmptyImageAsync(40 * Mebibyte);
        await using var relay = new TcpRelay(fixture.Port) { BytesPerSecond = 10 * Mebibyte };
        await using PageVisit visit = await fixture.VisitAsync(image.Id, relay.Port);
        await visit.UploadAsync(source);
        await visit.ReachPercentAsync(50, relay);
        await visit.PressAsync("Pause");
        await visit.ReachAsync("paused");
        long durable = await visit.DurableAsync(atLeast: 8 * Mebibyte);

        await visit.Tab.ReloadAsync();
        relay.BytesPerSecond = long.MaxValue;
        await visit.ChooseAsync(source);
        long sent = relay.Sent;
        await visit.PressAsync("Upload");
        await visit.ReachAsync("done");

        Assert.InRange(relay.Sent - sent, 40 * Mebibyte - durable, 40 * Mebibyte - durable + Mebibyte);
        await SampleFile.AssertSameAsync(source, image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Another_file_after_a_reload_is_not_taken_for_the_first()
    {
        string first = SampleFile.Create(_files, 16 * Mebibyte, (0, 16));
        string second = SampleFile.Create(_files, 16 * Mebibyte, (3, 2));
        TestImage image = await fixture.AddEmptyImageAsync(16 * Mebibyte);
        await using var relay = new TcpRelay(fixture.Port) { BytesPerSecond = 10 * Mebibyte };
        await using PageVisit visit = await fixture.VisitAsync(image.Id, relay.Port);
        await visit.UploadAsync(first);
        await visit.ReachPercentAsync(50, relay);
        await visit.PressAsync("Pause");
        await visit.DurableAsync(atLeast: 1);
        await visit.Tab.ReloadAsync();
        relay.BytesPerSecond = long.MaxValue;

        await visit.UploadAsync(second);
        await visit.ReachAsync("done");

        await SampleFile.AssertSameAsync(second, image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Flipped_bit_on_a_plain_connection_is_noticed_and_sent_again()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync("[tls]\nenable = false");
        string source = SampleFile.Create(_files, 16 * Mebibyte, (0, 16));
        string path = daemon.Files.CreateSparseImage(16 * Mebibyte);
        await daemon.InstallAsync(TicketBody.For("flipped", path, 16 * Mebibyte));
        await using var relay = new TcpRelay(daemon.RemotePort);
        await using PageVisit visit = await PageVisit.StartAsync(
            fixture.Browser, $"http://127.0.0.1:{relay.Port}", "flipped", null);
        await visit.ChooseAsync(source);

        relay.FlipBitAfter(6 * Mebibyte);
        await visit.PressAsync("Upload");
        await visit.ReachAsync("done");

        Assert.Contains("digest", daemon.Files.ReadLog(), StringComparison.OrdinalIgnoreCase);
        // All of it once, and the request that was hit once more: 1 MiB, or up to 4 when those before it were fast.
        Assert.InRange(relay.Sent, 17 * Mebibyte, 24 * Mebibyte);
        await SampleFile.AssertSameAsync(source, path);
    }

    [SkippableFact(Timeout = 3_600_000)]
    public async Task Cuts_reloads_and_pauses_at_random_change_nothing_and_cost_little()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        string source = SampleFile.Create(_files, Size * Mebibyte, (0, 11), (14, 6), (22, 2));
        await using var relay = new TcpRelay(fixture.Port);
        for (int round = 0; round < Rounds; round++)
        {
            TestImage image = await fixture.AddEmptyImageAsync(Size * Mebibyte);
            await using PageVisit visit = await fixture.VisitAsync(image.Id, relay.Port);
            relay.BytesPerSecond = 16 * Mebibyte;
            // Data once, and what is on its way or not yet flushed once more with each trouble.
            long limit = relay.Sent + (Data * Mebibyte) + Overhead;
            await visit.UploadAsync(source);
            for (int trouble = 0; trouble < 3 && await visit.StateAsync() is not ("done" or "verifying"); trouble++)
            {
                await Task.Delay(random.Next(50, 500));
                limit = await MakeTroubleAsync(random.Next(4), visit, relay, source, limit);
            }

            relay.BytesPerSecond = long.MaxValue;
            await visit.SayOnlineAsync();
            await visit.ReachAsync("done");
            await SampleFile.AssertSameAsync(source, image.Path);
            Assert.True(relay.Sent <= limit, $"{relay.Sent - limit} bytes too many in round {round}, seed {seed}");
        }
    }

    // The new limit of what may have been sent when all is done.
    private static async Task<long> MakeTroubleAsync(
        int kind, PageVisit visit, TcpRelay relay, string source, long limit)
    {
        switch (kind)
        {
            case 0:
                relay.Cut();
                return limit + Underway;
            case 1:
                relay.IsCut = true;
                await Task.Delay(100);
                relay.IsCut = false;
                await visit.SayOnlineAsync();
                return limit + Underway;
            case 2:
                await visit.PauseAndResumeAsync();
                return limit + Underway;
            default:
                await visit.Tab.ReloadAsync();
                await visit.ChooseAsync(source);
                // What the page before had handed to its connections is still on its way, and none of the next upload.
                relay.Cut();
                // Exactly what is not durable, whatever was sent before.
                long remaining = (Size * Mebibyte) - await visit.DurableAsync(atLeast: 0);
                limit = relay.Sent + Math.Min(remaining, Data * Mebibyte) + Overhead;
                await visit.PressAsync("Upload");
                return limit;
        }
    }
}
