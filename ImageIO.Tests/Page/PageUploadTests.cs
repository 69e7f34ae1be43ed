using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Page;

/// <summary>Uploads by the page, from a file that is chosen to a disk that is the same.</summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageUploadTests(PageFixture fixture) : IDisposable
{
    private const int Mebibyte = 1024 * 1024;

    // 4096 and 300 in the long form.
    private static readonly int SizeMebibytes = Number("IMAGEIO_PAGE_SIZE_MIB", 96);
    private static readonly int DataMebibytes = Number("IMAGEIO_PAGE_DATA_MIB", 12);

    private readonly ImageDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableFact(Timeout = 300_000)]
    public async Task Sparse_file_becomes_the_same_sparse_disk_and_the_checksum_is_the_servers()
    {
        long size = (long)SizeMebibytes * Mebibyte;
        string source = SampleFile.Create(
            _files, size, (0, DataMebibytes / 4),
            (SizeMebibytes / 3, DataMebibytes / 2), (SizeMebibytes - (DataMebibytes / 4), DataMebibytes / 4));
        TestImage image = await fixture.AddEmptyImageAsync(size);
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.UploadAsync(source);
        await visit.ReachAsync("done", patience: 250_000);

        Assert.Equal(await ChecksumAsync(fixture.Daemon.Remote, image), await visit.ChecksumAsync());
        await SampleFile.AssertSameAsync(source, image.Path);
        Assert.InRange(SampleFile.AllocatedBytes(image.Path), DataMebibytes * Mebibyte, (DataMebibytes + 1) * Mebibyte);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task What_was_on_the_disk_gives_way_to_the_zeroes_of_the_file()
    {
        string source = SampleFile.Create(_files, (20 * Mebibyte) + 4711, (3, 2), (19, 1));
        TestImage image = await fixture.Daemon.AddImageAsync(TestImage.Random((20 * Mebibyte) + 4711), "write");
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.UploadAsync(source);
        await visit.ReachAsync("done");

        await SampleFile.AssertSameAsync(source, image.Path);
        JsonObject ticket = await fixture.Daemon.GetTicketAsync(image.Id);
        Assert.Equal((20 * Mebibyte) + 4711, ticket["transferred"]!.GetValue<long>());
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Smaller_file_leaves_the_rest_of_the_disk_as_it_was_and_is_verified_by_reading()
    {
        byte[] old = TestImage.Random(9 * Mebibyte);
        string source = SampleFile.Create(_files, (5 * Mebibyte) + 100, (0, 5));
        TestImage image = await fixture.Daemon.AddImageAsync(old, "write");
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.ChooseAsync(source);
        string advice = await visit.Tab.InnerTextAsync("#advice");
        await visit.PressAsync("Upload");
        await visit.ReachAsync("done");

        byte[] content = File.ReadAllBytes(source);
        Assert.Contains("The last 4.00 MiB of the disk stay as they are.", advice, StringComparison.Ordinal);
        Assert.True(
            content.AsSpan().SequenceEqual(image.Content.AsSpan(0, content.Length)), "The file has not arrived");
        Assert.True(
            old.AsSpan(content.Length).SequenceEqual(image.Content.AsSpan(content.Length)), "The rest has changed");
        Assert.Contains("were not touched", await visit.Tab.InnerTextAsync("#result"), StringComparison.Ordinal);
        Assert.Equal(StubImageServer.Checksum(content), await visit.ChecksumAsync());
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Smaller_file_on_an_empty_disk_is_verified_by_the_checksum_of_the_whole_disk()
    {
        string source = SampleFile.Create(_files, (5 * Mebibyte) + 100, (0, 5));
        TestImage image = await fixture.AddEmptyImageAsync(64 * Mebibyte);
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.UploadAsync(source);
        await visit.ReachAsync("done");

        Assert.Equal(await ChecksumAsync(fixture.Daemon.Remote, image), await visit.ChecksumAsync());
    }

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(1)]
    [InlineData((8 * Mebibyte) - 1)]
    [InlineData((8 * Mebibyte) + 1)]
    public async Task File_of_any_size_makes_a_disk_that_was_empty_grow(int size)
    {
        string source = _files.Create("odd.raw", TestImage.Random(size));
        TestImage image = await fixture.AddEmptyImageAsync(0, ticket => ticket.With("size", 64 * Mebibyte));
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.UploadAsync(source);
        await visit.ReachAsync("done");

        await SampleFile.AssertSameAsync(source, image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Through_the_proxy_a_signed_ticket_in_the_link_is_enough()
    {
        await using ProxyFixture proxy = await ProxyFixture.StartAsync();
        proxy.Trust(fixture.Files.Certificate);
        string source = SampleFile.Create(_files, 12 * Mebibyte, (1, 2), (9, 1));
        TestImage image = await fixture.AddEmptyImageAsync(
            12 * Mebibyte, ticket => ticket.With("filename", "disk ä.raw"));
        await using PageVisit visit = await fixture.VisitAsync(proxy.Sign(image.Id, fixture.Port), proxy.Port);

        await visit.UploadAsync(source);
        await visit.ReachAsync("done");

        await SampleFile.AssertSameAsync(source, image.Path);
        Assert.Equal("disk ä.raw", await visit.Tab.InnerTextAsync("h1"));
        Assert.DoesNotContain(image.Id, proxy.ReadLog(), StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Paused_upload_moves_nothing_keeps_what_it_sent_and_goes_on()
    {
        string source = SampleFile.Create(_files, 24 * Mebibyte, (0, 24));
        await using SlowUpload upload = await SlowUpload.StartAsync(fixture, source, percent: 20);
        PageVisit visit = upload.Visit;

        await visit.PressAsync("Pause");
        await visit.ReachAsync("paused");
        upload.SpeedUp();
        await upload.BecomesIdleAsync();
        string title = await visit.Tab.TitleAsync();
        long sent = upload.Relay.Sent;
        await Task.Delay(500);
        long more = upload.Relay.Sent - sent;
        await visit.PressAsync("Resume");
        await visit.ReachAsync("done");

        Assert.StartsWith("Paused", title, StringComparison.Ordinal);
        Assert.InRange(more, 0, 16 * 1024);
        await SampleFile.AssertSameAsync(source, upload.Image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Cancelled_upload_stops_and_the_same_file_goes_on_where_it_was()
    {
        string source = SampleFile.Create(_files, 24 * Mebibyte, (0, 24));
        await using SlowUpload upload = await SlowUpload.StartAsync(fixture, source, percent: 40);
        PageVisit visit = upload.Visit;

        await visit.PressAsync("Cancel");
        await visit.ReachAsync("ready");
        upload.SpeedUp();
        await upload.BecomesIdleAsync();
        await visit.ChooseAsync(source);
        string advice = await visit.Tab.InnerTextAsync("#advice");
        long durable = await visit.DurableAsync(atLeast: Mebibyte);
        long sent = upload.Relay.Sent;
        await visit.PressAsync("Upload");
        await visit.ReachAsync("done");

        Assert.Contains("are there already and are not sent again", advice, StringComparison.Ordinal);
        Assert.InRange(upload.Relay.Sent - sent, 0, (25 * Mebibyte) - durable);
        await SampleFile.AssertSameAsync(source, upload.Image.Path);
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Progress_is_there_for_eyes_ears_and_the_tab()
    {
        string source = SampleFile.Create(_files, 24 * Mebibyte, (0, 8), (16, 2));
        TestImage image = await fixture.AddEmptyImageAsync(
            24 * Mebibyte, ticket => ticket.With("filename", "root.raw"));
        await using var relay = new TcpRelay(fixture.Port) { BytesPerSecond = 10 * Mebibyte };
        await using PageVisit visit = await fixture.VisitAsync(image.Id, relay.Port);
        await visit.UploadAsync(source);
        await visit.ReachPercentAsync(60, relay);

        string screen = await visit.Tab.InnerTextAsync("main");
        string title = await visit.Tab.TitleAsync();
        string map = (await visit.Tab.GetAttributeAsync("#map", "aria-label"))!;
        string said = await visit.Tab.InnerTextAsync("#live");
        relay.BytesPerSecond = long.MaxValue;
        await visit.ReachAsync("done");

        Assert.Matches(@"[\d.]+ MiB of 24 MiB", screen);
        Assert.Matches("[\\d.]+ [KM]iB/s", screen);
        Assert.Matches("^[6-9]\\d% source-", title);
        Assert.Matches("\\d+% empty", map);
        Assert.Matches("^[6-9]0%$", said);
        Assert.StartsWith("Done", await visit.Tab.TitleAsync(), StringComparison.Ordinal);
    }

    private static async Task<string> ChecksumAsync(HttpClient client, TestImage image)
    {
        using HttpResponseMessage response = await client.GetAsync($"{image.Url}/checksum?algorithm=sha256");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!["checksum"]!.GetValue<string>();
    }

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(
            variable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
