using System.Net;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>GET and HEAD of <c>/images/ID</c> (daemon-api section 4).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class ImageGetTests(RunningDaemon daemon)
{
    private const int Size = 10_000;

    [Fact(Timeout = 20_000)]
    public async Task Get_without_range_is_the_whole_image()
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content, "read");

        using HttpResponseMessage response = await daemon.Remote.GetAsync(image.Url);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/octet-stream", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("attachment", response.Content.Headers.ContentDisposition!.ToString());
        Assert.Null(response.Content.Headers.ContentRange);
        Assert.Equal(content, await response.Content.ReadAsByteArrayAsync());
    }

    [Theory(Timeout = 20_000)]
    [InlineData(0, 0)]
    [InlineData(0, 4096)]
    [InlineData(4096, 0)]
    [InlineData(1, 4096)]
    [InlineData(5000, 3000)]
    [InlineData(3000, 5000)]
    public async Task Get_without_range_is_as_long_as_ticket_and_image_both_are(int imageSize, int ticketSize)
    {
        byte[] content = TestImage.Random(imageSize);
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, daemon.Files.CreateImage(content), ticketSize, "read"));

        Assert.Equal(content[..Math.Min(imageSize, ticketSize)], await daemon.Local.GetByteArrayAsync($"/images/{id}"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("bytes=0-0", 0, 0)]
    [InlineData("bytes=0-9999", 0, 9999)]
    [InlineData("bytes=9999-9999", 9999, 9999)]
    [InlineData("bytes=9999-", 9999, 9999)]
    [InlineData("bytes=0-", 0, 9999)]
    [InlineData("bytes=4095-4096", 4095, 4096)]
    [InlineData("bytes=511-8193", 511, 8193)]
    [InlineData("BYTES=1-2", 1, 2)]
    [InlineData("bytes=007-08", 7, 8)]
    public async Task Get_of_a_range_is_206_with_exactly_these_bytes(string range, int first, int last)
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content, "read");

        RawResponse response = await GetAsync(image.Url, $"Range: {range}");

        Assert.Equal(206, response.Status);
        Assert.Equal($"bytes {first}-{last}/{Size}", response.Header("content-range"));
        Assert.Equal($"{last - first + 1}", response.Header("content-length"));
        Assert.Equal(content[first..(last + 1)], response.Body);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("bytes=10000-10000", Size, Size, 10000)]
    [InlineData("bytes=0-10000", Size, Size, 10000)]
    [InlineData("bytes=10000-", Size, Size, 10000)]
    [InlineData("bytes=0-18446744073709551616", Size, Size, 10000)]
    [InlineData("bytes=18446744073709551616-", Size, Size, 10000)]
    [InlineData("bytes=0-5000", Size, 5000, 5000)]
    [InlineData("bytes=0-10000", Size, 5000, 5000)]
    [InlineData("bytes=0-10000", Size, 20_000, 10000)]
    [InlineData("bytes=0-20000", Size, 20_000, 20000)]
    [InlineData("bytes=0-0", 0, 5000, 0)]
    [InlineData("bytes=0-", 0, 5000, 0)]
    [InlineData("bytes=0-0", Size, 0, 0)]
    public async Task Get_past_the_end_is_416_and_names_the_size(string range, int imageSize, int ticketSize, int limit)
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(
            TicketBody.For(id, daemon.Files.CreateImage(TestImage.Random(imageSize)), ticketSize, "read"));

        RawResponse response = await GetAsync($"/images/{id}", $"Range: {range}");

        response.AssertIsError(416);
        Assert.Equal($"bytes */{limit}", response.Header("content-range"));
        Assert.Null(response.Header("content-disposition"));
        Assert.Null(response.Header("connection"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Range: bytes=5-4")]
    [InlineData("Range: bytes=-5")]
    [InlineData("Range: bytes=0-1,3-4")]
    [InlineData("Range: bytes=0-1, 3-4")]
    [InlineData("Range: bytes=-")]
    [InlineData("Range: bytes=")]
    [InlineData("Range: bytes")]
    [InlineData("Range: ")]
    [InlineData("Range: sectors=0-1")]
    [InlineData("Range: bytes=a-b")]
    [InlineData("Range: bytes=0x1-2")]
    [InlineData("Range: bytes=-1-2")]
    [InlineData("Range: bytes=+1-2")]
    [InlineData("Range: bytes=1.0-2")]
    [InlineData("Range: bytes=1-2-3")]
    [InlineData("Range: bytes=٠-٩")]
    [InlineData("Range: bytes=0-1\nRange: bytes=0-1")]
    public async Task Malformed_several_and_suffix_ranges_are_416_before_authorization(string header)
    {
        RawResponse response = await GetAsync("/images/unknown", header);

        response.AssertIsError(416);
        Assert.Null(response.Header("content-range"));
        Assert.Null(response.Header("connection"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("bytes=1-2", 206, "bytes 1-2/18446744073709551617")]
    [InlineData("bytes=0-10000", 416, "bytes */10000")]
    [InlineData("bytes=0-18446744073709551616", 416, "bytes */10000")]
    [InlineData("bytes=0-18446744073709551617", 416, "bytes */18446744073709551617")]
    [InlineData("bytes=18446744073709551617-", 416, "bytes */18446744073709551617")]
    public async Task Content_range_states_a_ticket_size_beyond_2_to_the_64_exactly(
        string range, int status, string contentRange)
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, daemon.Files.CreateImage(TestImage.Random(Size)), 0, "read")
            .With("size", System.Text.Json.Nodes.JsonNode.Parse("18446744073709551617")));

        RawResponse response = await GetAsync($"/images/{id}", $"Range: {range}");

        Assert.Equal(status, response.Status);
        Assert.Equal(contentRange, response.Header("content-range"));
        Assert.Equal(Size, (await daemon.Local.GetByteArrayAsync($"/images/{id}")).Length);
    }

    [Fact(Timeout = 20_000)]
    public async Task File_name_is_sent_as_raw_utf8()
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(
            TicketBody.For(id, daemon.Files.CreateImage([1]), 1, "read").With("filename", "דיסק 1.raw"));

        RawResponse response = await GetAsync($"/images/{id}");

        Assert.Equal("attachment; filename=דיסק 1.raw", response.Header("content-disposition"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData(null, 200)]
    [InlineData("Range: bytes=1-2", 206)]
    [InlineData("Range: bytes=-2", 416)]
    [InlineData("Range: bytes=10000-", 416)]
    public async Task Head_answers_as_get_without_a_body(string? header, int status)
    {
        TestImage image = await daemon.AddImageAsync(TestImage.Random(Size), "read");
        string[] headers = header is null ? [] : [header];
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("GET", image.Url, headers);
        RawResponse get = await client.ReceiveAsync();

        await client.RequestAsync("HEAD", image.Url, headers);
        RawResponse head = await client.ReceiveAsync(hasBody: false);

        Assert.Equal(status, head.Status);
        Assert.Equal(WithoutDate(get), WithoutDate(head));
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Get_with_close_closes_after_the_last_byte()
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content, "read");
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", $"{image.Url}?close=y");
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal("close", response.Header("connection"));
        Assert.Equal(content, response.Body);
        await client.AssertClosedAsync();
    }

    // Issue 15, D24: without it qemu's curl driver refuses the server.
    [Theory(Timeout = 20_000)]
    [InlineData("GET", "", 200, "bytes")]
    [InlineData("GET", "Range: bytes=0-0", 206, "bytes")]
    [InlineData("HEAD", "", 200, "bytes")]
    [InlineData("HEAD", "Range: bytes=0-0", 206, "bytes")]
    [InlineData("GET", "Range: bytes=9-", 416, null)]
    public async Task Answer_says_that_ranges_are_served(string method, string header, int status, string? ranges)
    {
        TestImage image = await daemon.AddImageAsync([7], "read");
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync(method, image.Url, header.Length > 0 ? [header] : []);
        RawResponse response = await client.ReceiveAsync(hasBody: method == "GET");

        Assert.Equal(status, response.Status);
        Assert.Equal(ranges, response.Header("accept-ranges"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("?close=n")]
    [InlineData("?other=1")]
    [InlineData("?close=")]
    [InlineData("?close=yes")]
    [InlineData("?close=Y")]
    public async Task Close_that_is_not_y_counts_as_absent(string query)
    {
        TestImage image = await daemon.AddImageAsync(TestImage.Random(1), "read");
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", image.Url + query);
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(200, response.Status);
        Assert.Null(response.Header("connection"));
        await client.AssertOpenAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("OPTIONS")]
    public async Task Missing_image_is_500_and_tells_no_path(string method)
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, $"{daemon.Files.Path}/no-such-image", Size));
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync(method, $"/images/{id}", "Content-Length: 0");
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(500);
        Assert.DoesNotContain("/", response.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("no-such-image", response.Head + response.Text, StringComparison.Ordinal);
        Assert.Equal(0, (await daemon.GetTicketAsync(id))["connections"]!.GetValue<int>());
        string errorId = System.Text.RegularExpressions.Regex.Match(
            response.Text, "error id ([0-9a-f]{12})\n$").Groups[1].Value;
        Assert.Single(daemon.Files.ReadLog().Split(
            '\n'), line => line.Contains($"\"ErrorId\":\"{errorId}\"", StringComparison.Ordinal));
    }

    private static string[] WithoutDate(RawResponse response) =>
        [.. response.Head.Split("\r\n").Where(line => !line.StartsWith("Date:", StringComparison.OrdinalIgnoreCase))];

    private async Task<RawResponse> GetAsync(string url, params string[] headers)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("GET", url, headers);
        return await client.ReceiveAsync();
    }
}
