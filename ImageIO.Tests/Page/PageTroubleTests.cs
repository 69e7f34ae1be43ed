using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using Microsoft.Playwright;

namespace ImageIO.Tests.Page;

/// <summary>
/// Failures of an upload. Each is a state with a sentence and one next step, never a wait without an end.
/// </summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageTroubleTests(PageFixture fixture) : IDisposable
{
    private const int Mebibyte = 1024 * 1024;

    private readonly ImageDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableFact(Timeout = 60_000)]
    public async Task Ticket_that_expires_in_the_middle_is_told_and_goes_on_when_it_is_prolonged()
    {
        string source = SampleFile.Create(_files, 24 * Mebibyte, (0, 24));
        await using SlowUpload upload = await SlowUpload.StartAsync(fixture, source, percent: 20);
        PageVisit visit = upload.Visit;
        await visit.PressAsync("Pause");
        await visit.DurableAsync(atLeast: 1);

        // What the page gave up is still on its way, and would prolong the link when it ends.
        upload.Relay.Cut();
        await upload.BecomesIdleAsync();
        await fixture.ChangeTimeoutAsync(upload.Image.Id, 0);
        upload.SpeedUp();
        await visit.PressAsync("Resume");
        await visit.ReachAsync("failed");
        string alert = await visit.AlertAsync();
        await fixture.ChangeTimeoutAsync(upload.Image.Id, 300);
        await visit.PressAsync("Resume");
        await visit.ReachAsync("done");

        Assert.StartsWith("The link has expired", alert, StringComparison.Ordinal);
        await SampleFile.AssertSameAsync(source, upload.Image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Ticket_that_is_removed_in_the_middle_is_told()
    {
        string source = SampleFile.Create(_files, 24 * Mebibyte, (0, 24));
        await using SlowUpload upload = await SlowUpload.StartAsync(fixture, source, percent: 20);
        PageVisit visit = upload.Visit;

        using HttpResponseMessage removed = await fixture.Daemon.Control.DeleteAsync($"/tickets/{upload.Image.Id}");
        await visit.ReachAsync("failed");

        Assert.Matches("cancelled|does not know this link any more", await visit.AlertAsync());
    }

    [SkippableFact(Timeout = 60_000)]
    [Trait("Needs", "Root")]
    public async Task Full_storage_is_told_with_what_fits_and_goes_on_when_there_is_room()
    {
        await using LoopFileSystem storage = await LoopFileSystem.CreateAsync(48);
        string filler = storage.Create("filler", new byte[24 * Mebibyte]);
        string source = SampleFile.Create(_files, 32 * Mebibyte, (0, 32));
        var image = new TestImage(Guid.NewGuid().ToString(), storage.Create("image", []));
        await fixture.Daemon.InstallAsync(TicketBody.For(image.Id, image.Path, 32 * Mebibyte).With("sparse", true));
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.UploadAsync(source);
        await visit.ReachAsync("failed");
        string alert = await visit.AlertAsync();
        File.Delete(filler);
        await visit.PressAsync("Resume");
        await visit.ReachAsync("done");

        Assert.StartsWith("The storage is full", alert, StringComparison.Ordinal);
        Assert.Matches(@"About (1\d|2\d)(\.\d)? MiB of the image fit", alert);
        await SampleFile.AssertSameAsync(source, image.Path);
        using HttpResponseMessage gone = await fixture.Daemon.Control.DeleteAsync($"/tickets/{image.Id}");
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task File_that_changes_while_it_is_read_is_noticed()
    {
        string source = SampleFile.Create(_files, 24 * Mebibyte, (0, 24));
        File.SetLastWriteTimeUtc(source, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        await using SlowUpload upload = await SlowUpload.StartAsync(fixture, source, percent: 20);
        PageVisit visit = upload.Visit;

        await using (FileStream file = File.OpenWrite(source))
        {
            file.WriteByte(1);
        }

        upload.SpeedUp();
        await visit.ReachAsync("failed");

        Assert.StartsWith("The file has changed", await visit.AlertAsync(), StringComparison.Ordinal);
        await visit.PressAsync("Choose the file");
        await visit.UploadAsync(source);
        await visit.ReachAsync("done");
        await SampleFile.AssertSameAsync(source, upload.Image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Two_tabs_do_not_work_on_one_link()
    {
        string source = SampleFile.Create(_files, 24 * Mebibyte, (0, 24));
        await using SlowUpload upload = await SlowUpload.StartAsync(fixture, source, percent: 20);
        PageVisit visit = upload.Visit;

        IPage second = await visit.OpenTabAsync(upload.Image.Id);
        await second.SetInputFilesAsync("input[type=file]", source);
        await second.ClickAsync("#upload");
        await second.WaitForSelectorAsync("main[data-state=failed]");
        string alert = await second.GetByRole(AriaRole.Alert).First.InnerTextAsync();
        upload.SpeedUp();
        await visit.ReachAsync("done");

        Assert.StartsWith("Another tab is at work", alert, StringComparison.Ordinal);
        await SampleFile.AssertSameAsync(source, upload.Image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Disk_that_differs_at_the_end_is_told_as_loudly_as_success_and_sent_anew()
    {
        string source = SampleFile.Create(_files, 24 * Mebibyte, (0, 24));
        await using SlowUpload upload = await SlowUpload.StartAsync(fixture, source, percent: 20);
        PageVisit visit = upload.Visit;
        await visit.PressAsync("Pause");
        await visit.DurableAsync(atLeast: 1);

        await using (FileStream file = File.OpenWrite(upload.Image.Path))
        {
            file.WriteByte((byte)(File.ReadAllBytes(source)[0] ^ 1));
        }

        upload.SpeedUp();
        await visit.PressAsync("Resume");
        await visit.ReachAsync("failed");
        string alert = await visit.AlertAsync();
        await visit.PressAsync("Send everything again");
        await visit.ReachAsync("done");

        Assert.StartsWith("The disk differs from the file", alert, StringComparison.Ordinal);
        await SampleFile.AssertSameAsync(source, upload.Image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Flush_that_says_that_data_is_lost_has_it_sent_again_once()
    {
        string source = SampleFile.Create(_files, 12 * Mebibyte, (0, 12));
        await using StubImageServer server = await StubImageServer.StartAsync(12 * Mebibyte);
        int flushes = 0;
        server.Interfere = async context =>
        {
            if (context.Request.Method != "PATCH" || Interlocked.Increment(ref flushes) > 1)
            {
                return false;
            }

            Array.Clear(server.Image);
            return await StubImageServer.FailAsync(
                context, 500, "An earlier flush failed: data written before it may be lost");
        };
        await using PageVisit visit = await PageVisit.StartAsync(fixture.Browser, server.Origin, "stub", null);

        await visit.UploadAsync(source);
        await visit.ReachAsync("done");

        Assert.True(File.ReadAllBytes(source).AsSpan().SequenceEqual(server.Image));
        Assert.Equal(2, flushes);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Storage_that_goes_on_failing_ends_it_with_the_servers_words()
    {
        string source = SampleFile.Create(_files, 4 * Mebibyte, (0, 4));
        await using StubImageServer server = await StubImageServer.StartAsync(4 * Mebibyte);
        server.Interfere = context => context.Request.Method == "PUT"
            ? StubImageServer.FailAsync(context, 500, "The storage failed, error id 1234")
            : Task.FromResult(false);
        await using PageVisit visit = await PageVisit.StartAsync(fixture.Browser, server.Origin, "stub", null);

        await visit.UploadAsync(source);
        await visit.SkipWaitsAsync("failed");
        string alert = await visit.AlertAsync();
        server.Interfere = null;
        await visit.PressAsync("Resume");
        await visit.ReachAsync("done");

        Assert.Contains("The storage failed, error id 1234.", alert, StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Data_that_arrives_damaged_twice_ends_it()
    {
        string source = SampleFile.Create(_files, 4 * Mebibyte, (0, 4));
        await using StubImageServer server = await StubImageServer.StartAsync(4 * Mebibyte);
        server.Interfere = context => context.Request.Method == "PUT"
            ? StubImageServer.FailAsync(context, 400, "Content-Digest does not match")
            : Task.FromResult(false);
        await using PageVisit visit = await PageVisit.StartAsync(fixture.Browser, server.Origin, "stub", null);

        await visit.UploadAsync(source);
        await visit.ReachAsync("failed");

        Assert.StartsWith("The data was damaged on its way", await visit.AlertAsync(), StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Host_behind_a_proxy_that_is_away_is_waited_for()
    {
        string source = SampleFile.Create(_files, 4 * Mebibyte, (0, 4));
        await using StubImageServer server = await StubImageServer.StartAsync(4 * Mebibyte);
        server.Interfere = context => context.Request.Method == "PUT"
            ? StubImageServer.FailAsync(context, 503, "The host that serves the image cannot be reached")
            : Task.FromResult(false);
        await using PageVisit visit = await PageVisit.StartAsync(fixture.Browser, server.Origin, "stub", null);

        await visit.UploadAsync(source);
        await visit.ReachAsync("offline");
        string status = await visit.Tab.InnerTextAsync("#status");
        server.Interfere = null;
        await visit.PressAsync("Try now");
        await visit.ReachAsync("done");

        Assert.StartsWith("The host that serves the image cannot be reached.", status, StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Server_without_our_promises_is_told_to_flush_with_each_request()
    {
        string source = SampleFile.Create(_files, 8 * Mebibyte, (0, 3));
        await using StubImageServer server = await StubImageServer.StartAsync(8 * Mebibyte);
        server.KnowsZeroes = false;
        server.Options = new JsonObject
        {
            ["features"] = new JsonArray("checksum", "extents", "flush", "zero"),
            ["max_writers"] = 1,
        };
        Array.Fill(server.Image, (byte)7);
        await using PageVisit visit = await PageVisit.StartAsync(fixture.Browser, server.Origin, "stub", null);

        await visit.UploadAsync(source);
        await visit.ReachAsync("done");

        Assert.True(File.ReadAllBytes(source).AsSpan().SequenceEqual(server.Image));
        Assert.All(server.Requests.Where(request => request.StartsWith("PUT", StringComparison.Ordinal)), request =>
            Assert.Contains("?flush=y", request, StringComparison.Ordinal));
        Assert.Contains(server.Requests, request => request.Contains("\"op\":\"zero\"", StringComparison.Ordinal)
            && request.Contains("\"flush\":true", StringComparison.Ordinal));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Server_that_can_nothing_but_write_gets_it_all_and_is_not_called_verified()
    {
        string source = SampleFile.Create(_files, 8 * Mebibyte, (0, 3));
        await using StubImageServer server = await StubImageServer.StartAsync(8 * Mebibyte);
        server.Options = new JsonObject { ["features"] = new JsonArray() };
        Array.Fill(server.Image, (byte)7);
        await using PageVisit visit = await PageVisit.StartAsync(fixture.Browser, server.Origin, "stub", null);

        await visit.UploadAsync(source);
        await visit.ReachAsync("done");

        Assert.True(File.ReadAllBytes(source).AsSpan().SequenceEqual(server.Image));
        Assert.Contains("not verified", await visit.Tab.InnerTextAsync("#result"), StringComparison.Ordinal);
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("large", "This file is larger than the disk: 2 MiB, and the disk has room for 1 MiB.")]
    [InlineData("empty", "This file is empty.")]
    [InlineData("gzip", "This file is compressed (gzip).")]
    public async Task File_that_cannot_be_right_is_refused_before_a_byte_is_sent(string kind, string sentence)
    {
        byte[] content = kind switch
        {
            "large" => new byte[2 * Mebibyte],
            "empty" => [],
            _ => [0x1f, 0x8b, 8, 0, .. new byte[100]],
        };
        string source = _files.Create("chosen.raw", content);
        TestImage image = await fixture.AddEmptyImageAsync(Mebibyte);
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.ChooseAsync(source);

        Assert.Contains(sentence, await visit.AlertAsync(), StringComparison.Ordinal);
        Assert.False(await visit.Tab.IsVisibleAsync("#upload"));
        Assert.Equal(0, (await fixture.Daemon.GetTicketAsync(image.Id))["transferred"]!.GetValue<long>());
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Container_format_is_explained_and_taken_as_it_is_only_from_who_insists()
    {
        byte[] content = [.. "KDMV"u8, .. TestImage.Random(Mebibyte)];
        string source = _files.Create("disk of mine.vmdk", content);
        TestImage image = await fixture.AddEmptyImageAsync(2 * Mebibyte);
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.ChooseAsync(source);
        string alert = await visit.AlertAsync();
        bool isEnabled = await visit.Tab.IsEnabledAsync("#upload");
        await visit.Tab.GetByLabel("Upload the file as it is").CheckAsync();
        await visit.PressAsync("Upload");
        await visit.ReachAsync("done");

        Assert.Contains("VMDK (VMware)", alert, StringComparison.Ordinal);
        Assert.Contains("qemu-img convert -f vmdk -O raw 'disk of mine.vmdk' 'disk of "
            + "mine.vmdk.raw'", alert, StringComparison.Ordinal);
        Assert.False(isEnabled);
        Assert.True(content.AsSpan().SequenceEqual(image.Content.AsSpan(0, content.Length)));
    }
}
