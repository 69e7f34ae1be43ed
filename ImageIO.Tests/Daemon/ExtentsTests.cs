using System.Net;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Daemon;

/// <summary>GET /images/ID/extents (daemon-api section 4).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class ExtentsTests(RunningDaemon daemon)
{
    private const int Block = 64 * 1024;

    [Fact(Timeout = 20_000)]
    public async Task Unknown_ticket_is_403_before_a_wrong_context_is_400_and_closes()
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", "/images/unknown/extents?context=wrong");

        (await client.ReceiveAsync()).AssertIsError(403);
        await client.AssertClosedAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("wrong")]
    [InlineData("")]
    [InlineData("Zero")]
    public async Task Unknown_context_is_400_and_keeps_the_connection(string context)
    {
        TestImage image = await daemon.AddImageAsync([1], "read");
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", $"{image.Url}/extents?context={context}");

        (await client.ReceiveAsync()).AssertIsError(400);
        await client.AssertOpenAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Dirty_context_is_404_without_a_dirty_ticket_and_on_a_backend_that_has_none(bool dirtyTicket)
    {
        TestImage image = await AddAsync(daemon.Files.CreateImage([1]), 1, dirtyTicket);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", $"{image.Url}/extents?context=dirty");

        (await client.ReceiveAsync()).AssertIsError(404);
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Sparse_file_tells_its_zero_ranges_and_has_no_holes()
    {
        string path = daemon.Files.CreateSparseImage(
            8 * Block, (2 * Block, Bytes.Random(Block)), (5 * Block, Bytes.Random(Block)));
        TestImage image = await AddAsync(path, 8 * Block);

        string byDefault = await daemon.Remote.GetStringAsync($"{image.Url}/extents");
        string named = await daemon.Local.GetStringAsync($"{image.Url}/extents?context=zero");

        Assert.Equal(
            """
            [{"start":0,"length":131072,"zero":true,"hole":false},
            {"start":131072,"length":65536,"zero":false,"hole":false},
            {"start":196608,"length":131072,"zero":true,"hole":false},
            {"start":327680,"length":65536,"zero":false,"hole":false},
            {"start":393216,"length":131072,"zero":true,"hole":false}]
            """.ReplaceLineEndings("") + "\n",
            byDefault);
        Assert.Equal(byDefault, named);
    }

    [Fact(Timeout = 20_000)]
    public async Task Neighbours_with_equal_flags_are_one_extent()
    {
        string path = daemon.Files.CreateSparseImage(
            4 * Block, (0, Bytes.Random(Block)), (Block, Bytes.Random(Block)), (2 * Block, Bytes.Random(Block)));
        TestImage image = await AddAsync(path, 4 * Block);

        JsonArray extents = await GetAsync(image);

        Assert.Equal([(0, 3 * Block, false), (3 * Block, Block, true)], extents.Select(Read));
    }

    [Fact(Timeout = 20_000)]
    public async Task Last_extent_ends_where_an_image_of_odd_size_ends()
    {
        TestImage image = await AddAsync(daemon.Files.CreateImage(Bytes.Random(Block + 17)), Block + 17);

        Assert.Equal([(0, Block + 17, false)], (await GetAsync(image)).Select(Read));
    }

    [Theory(Timeout = 20_000)]
    [InlineData(0, """[{"start":0,"length":0,"zero":false,"hole":false}]""")]
    [InlineData(1000, """[{"start":0,"length":1000,"zero":false,"hole":false}]""")]
    [InlineData(Block, """[{"start":0,"length":65536,"zero":false,"hole":false}]""")]
    [InlineData(Block + 1, """[{"start":0,"length":65536,"zero":false,"hole":false},"""
        + """{"start":65536,"length":1,"zero":true,"hole":false}]""")]
    [InlineData(9 * Block, """[{"start":0,"length":65536,"zero":false,"hole":false},"""
        + """{"start":65536,"length":458752,"zero":true,"hole":false}]""")]
    public async Task Extents_end_where_ticket_or_image_end_first_as_a_download_does(int ticketSize, string expected)
    {
        TestImage image = await AddAsync(
            daemon.Files.CreateSparseImage(8 * Block, (0, Bytes.Random(Block))), ticketSize);

        Assert.Equal(expected + "\n", await daemon.Local.GetStringAsync($"{image.Url}/extents"));
        Assert.Equal(Math.Min(ticketSize, 8 * Block), (await daemon.Local.GetByteArrayAsync(image.Url)).Length);
    }

    [Fact(Timeout = 20_000)]
    public async Task Empty_file_has_one_extent_without_bytes()
    {
        TestImage image = await AddAsync(daemon.Files.CreateImage([]), 0);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", $"{image.Url}/extents");
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(200, response.Status);
        Assert.Equal("application/json", response.Header("content-type"));
        Assert.Equal("""[{"start":0,"length":0,"zero":false,"hole":false}]""" + "\n", response.Text);
    }

    [Fact(Timeout = 60_000)]
    public async Task Long_answer_is_streamed_ordered_without_gaps_and_covers_the_image()
    {
        const int Count = 2000;
        string path = daemon.Files.CreateSparseImage(
            2L * Block * Count,
            Enumerable.Range(0, Count).Select(index => ((2L * index * Block) + Block, new byte[] { 1 })));
        TestImage image = await AddAsync(path, 2L * Block * Count);

        using HttpResponseMessage response = await daemon.Remote.GetAsync(
            $"{image.Url}/extents", HttpCompletionOption.ResponseHeadersRead);
        long? announced = response.Content.Headers.ContentLength;
        string text = await response.Content.ReadAsStringAsync();
        (long Start, long Length, bool Zero)[] extents = [.. JsonNode.Parse(text)!.AsArray().Select(Read)];

        Assert.True(response.Headers.TransferEncodingChunked, "A long answer is not gathered first");
        Assert.Null(announced);
        Assert.EndsWith("]\n", text, StringComparison.Ordinal);
        Assert.Equal((2 * Count) + 1, extents.Length);
        Assert.Equal(0, extents[0].Start);
        Assert.Equal(2L * Block * Count, extents[^1].Start + extents[^1].Length);
        Assert.All(extents.Zip(extents.Skip(1)), pair =>
        {
            Assert.Equal(pair.First.Start + pair.First.Length, pair.Second.Start);
            Assert.NotEqual(pair.First.Zero, pair.Second.Zero);
        });
    }

    [Fact(Timeout = 20_000)]
    public async Task Extents_do_not_extend_the_ticket()
    {
        var time = new FakeTimeProvider();
        await using DaemonFixture own = await DaemonFixture.StartAsync(time: time);
        TestImage image = await own.AddImageAsync([1], "read");
        long before = (await own.GetTicketAsync(image.Id))["expires"]!.GetValue<long>();

        time.Advance(TimeSpan.FromSeconds(10));
        await own.Local.GetStringAsync($"{image.Url}/extents");
        long after = (await own.GetTicketAsync(image.Id))["expires"]!.GetValue<long>();
        await own.Local.GetByteArrayAsync(image.Url);
        await Eventually.HoldsAsync(
            async () => (await own.GetTicketAsync(image.Id))["expires"]!.GetValue<long>() == before + 10,
            "a download extends it, so the test would see it");

        Assert.Equal(before, after);
    }

    [Fact(Timeout = 20_000)]
    public async Task Other_methods_are_405()
    {
        TestImage image = await daemon.AddImageAsync([1]);

        foreach (HttpMethod method in (HttpMethod[])[HttpMethod.Put,
            HttpMethod.Delete, HttpMethod.Post, HttpMethod.Options])
        {
            using HttpResponseMessage response = await daemon.Local.SendAsync(
                new HttpRequestMessage(method, $"{image.Url}/extents"));
            Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        }
    }

    private static (long Start, long Length, bool Zero) Read(JsonNode? extent) => (
        extent!["start"]!.GetValue<long>(), extent["length"]!.GetValue<long>(), extent["zero"]!.GetValue<bool>());

    private async Task<JsonArray> GetAsync(TestImage image) =>
        JsonNode.Parse(await daemon.Local.GetStringAsync($"{image.Url}/extents"))!.AsArray();

    private async Task<TestImage> AddAsync(string path, long size, bool dirty = false)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), path);
        await daemon.InstallAsync(TicketBody.For(image.Id, path, size, "read").With("dirty", dirty));
        return image;
    }
}
