using System.Net;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>PUT of <c>/images/ID</c> (daemon-api section 4).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class ImagePutTests(RunningDaemon daemon)
{
    private const int Size = 10_000;

    [Theory(Timeout = 20_000)]
    [InlineData(null, 0)]
    [InlineData("bytes 0-99/*", 0)]
    [InlineData("bytes 0-99/10000", 0)]
    [InlineData("bytes 7-*/*", 7)]
    [InlineData("bytes 7-*/8", 7)]
    [InlineData("bytes 4095-4095/4096", 4095)]
    [InlineData("bytes 9900-9999/10000", 9900)]
    [InlineData("Bytes 12-13/14", 12)]
    [InlineData("bytes  12 - 13 / 14 ", 12)]
    [InlineData("bytes 1-18446744073709551616/*", 1)]
    [InlineData("bytes 1-18446744073709551616/18446744073709551617", 1)]
    public async Task Put_writes_the_body_at_the_first_byte_of_content_range(string? range, int offset)
    {
        byte[] content = TestImage.Random(Size);
        byte[] body = TestImage.Random(100);
        TestImage image = await daemon.AddImageAsync(content);

        RawResponse response = await PutAsync(image.Url, body, range is null ? [] : [$"Content-Range: {range}"]);

        Assert.Equal(200, response.Status);
        Assert.Equal("0", response.Header("content-length"));
        Assert.Null(response.Header("connection"));
        body.CopyTo(content, offset);
        Assert.Equal(content, image.Content);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Range: ")]
    [InlineData("Content-Range: bytes")]
    [InlineData("Content-Range: bytes 5-4/*")]
    [InlineData("Content-Range: bytes 0-10/10")]
    [InlineData("Content-Range: bytes 10-*/10")]
    [InlineData("Content-Range: bytes 18446744073709551617-18446744073709551616/*")]
    [InlineData("Content-Range: bytes 0-18446744073709551617/18446744073709551616")]
    [InlineData("Content-Range: bytes */10")]
    [InlineData("Content-Range: bytes 0-/10")]
    [InlineData("Content-Range: bytes 0-1")]
    [InlineData("Content-Range: bytes=0-1/*")]
    [InlineData("Content-Range: bytes -1-2/*")]
    [InlineData("Content-Range: bytes a-b/c")]
    [InlineData("Content-Range: 0-1/*")]
    [InlineData("Content-Range: sectors 0-1/*")]
    [InlineData("Content-Range: bytes 0-1/*\nContent-Range: bytes 0-1/*")]
    public async Task Wrong_content_range_is_400_before_authorization(string header)
    {
        RawResponse response = await PutAsync("/images/unknown", TestImage.Random(10), header);

        response.AssertIsError(400);
        Assert.Contains("Content-Range", response.Text, StringComparison.Ordinal);
        Assert.Equal("close", response.Header("connection"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("?flush=y", 200)]
    [InlineData("?flush=n", 200)]
    [InlineData("?flush=n&close=n", 200)]
    [InlineData("?flush=", 400)]
    [InlineData("?flush=true", 400)]
    [InlineData("?flush=N", 400)]
    [InlineData("?close=1", 200)]
    public async Task Flush_is_y_or_n_and_any_close_is_served(string query, int status)
    {
        TestImage image = await daemon.AddImageAsync(new byte[Size]);

        RawResponse response = await PutAsync(image.Url + query, [1, 2, 3]);

        Assert.Equal(status, response.Status);
        Assert.Equal(status == 200 ? 1 : 0, image.Content[0]);
    }

    [Fact(Timeout = 20_000)]
    public async Task Put_with_close_closes_after_the_answer()
    {
        TestImage image = await daemon.AddImageAsync(new byte[Size]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", $"{image.Url}?close=y", "Content-Length: 3");
        await client.SendAsync([1, 2, 3]);
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(200, response.Status);
        Assert.Equal("close", response.Header("connection"));
        await client.AssertClosedAsync();
        Assert.Equal([1, 2, 3], image.Content[..3]);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("80000000")]
    [InlineData("ffffffff")]
    [InlineData("10000000000000000")]
    [InlineData("xyz")]
    public async Task Chunk_of_a_length_that_cannot_be_is_400(string length)
    {
        TestImage image = await daemon.AddImageAsync(new byte[Size]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("PUT", image.Url, "Transfer-Encoding: chunked");

        await client.SendAsync($"2\nok\n{length}\n");

        (await client.ReceiveAsync()).AssertIsError(400);
        await client.AssertClosedAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Put_without_content_length_is_400_before_content_range_and_authorization()
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", "/images/unknown", "Content-Range: wrong");
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(400);
        Assert.Contains("Content-Length", response.Text, StringComparison.Ordinal);
        await client.AssertOpenAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("PUT /images/?flush=x", "Content-Range: wrong", 400, "ticket id")]
    [InlineData("PUT /images/none?flush=x", "Content-Range: wrong", 400, "Content-Length")]
    [InlineData("PUT /images/none?flush=x", "Content-Length: 0\nContent-Range: wrong", 400, "Content-Range")]
    [InlineData("PUT /images/none?flush=x", "Content-Length: 0\nContent-Range: bytes 9-*/*", 400, "flush")]
    [InlineData("PUT /images/none", "Content-Length: 0\nContent-Range: bytes 9-*/*", 403, "not allowed")]
    [InlineData("PUT /images/READ", "Content-Length: 0\nContent-Range: bytes 9-*/*", 403, "not allowed")]
    [InlineData("PUT /images/MISSING", "Content-Length: 0\nContent-Range: bytes 9-*/*", 500, "cannot be opened")]
    [InlineData("PUT /images/WRITE", "Content-Length: 0\nContent-Range: bytes 9-*/*", 416, "out of bounds")]
    [InlineData("PUT /images/WRITE", "Content-Length: 0\nContent-Range: bytes 8-*/*", 200, "")]
    public async Task Checks_of_a_put_come_in_order(string line, string headers, int status, string said)
    {
        TestImage read = await daemon.AddImageAsync(new byte[8], "read");
        TestImage write = await daemon.AddImageAsync(new byte[8], "write");
        TestImage missing = await daemon.AddImageAsync(new byte[8], "write");
        File.Delete(missing.Path);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        string target = line[4..].Replace("READ", read.Id, StringComparison.Ordinal)
            .Replace("WRITE", write.Id, StringComparison.Ordinal).Replace(
                "MISSING", missing.Id, StringComparison.Ordinal);

        await client.RequestAsync("PUT", target, headers);
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(status, response.Status);
        Assert.Contains(said, response.Text, StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Success_has_no_header_but_length_and_date()
    {
        TestImage image = await daemon.AddImageAsync(new byte[8]);
        using RawClient client = await RawClient.ConnectTlsAsync(daemon);

        // As the manager's page sends its pieces.
        await client.RequestAsync(
            "PUT", $"{image.Url}?flush=n", "Content-Length: 3", "Content-Range: bytes 0-2/8", "Cache-Control: no-cache",
            "Pragma: no-cache", "Content-Type: application/octet-stream");
        await client.SendAsync([1, 2, 3]);
        RawResponse response = await client.ReceiveAsync();

        Assert.Equal(
            ["content-length", "date"],
            response.Head.Split("\r\n")[1..^2].Select(header => header.Split(':')[0].ToLowerInvariant()).Order());
    }

    [Fact(Timeout = 20_000)]
    public async Task Body_of_a_form_is_image_data_like_any_other()
    {
        TestImage image = await daemon.AddImageAsync(new byte[7]);

        RawResponse response = await PutAsync(
            image.Url, "a=b&c=d"u8.ToArray(), "Content-Type: application/x-www-form-urlencoded");

        Assert.Equal(200, response.Status);
        Assert.Equal("a=b&c=d"u8.ToArray(), image.Content);
    }

    [Fact(Timeout = 20_000)]
    public async Task Put_of_nothing_is_200_and_leaves_the_image()
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content);

        RawResponse response = await PutAsync(image.Url, []);

        Assert.Equal(200, response.Status);
        Assert.Equal(content, image.Content);
    }

    [Fact(Timeout = 20_000)]
    public async Task Chunked_put_writes_every_chunk()
    {
        byte[] content = TestImage.Random(300_000);
        TestImage image = await daemon.AddImageAsync(new byte[content.Length]);
        using var request = new HttpRequestMessage(HttpMethod.Put, image.Url)
        {
            Content = new ByteArrayContent(content),
            Headers = { TransferEncodingChunked = true },
        };

        using HttpResponseMessage response = await daemon.Remote.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(content, image.Content);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("9999", 2)]
    [InlineData("10000", 1)]
    [InlineData("0", 10_001)]
    [InlineData("0", 1_000_000)]
    [InlineData("10001", 0)]
    [InlineData("9223372036854775807", 1)]
    [InlineData("18446744073709551616", 1)]
    public async Task Put_past_the_ticket_is_416_and_writes_nothing(string offset, int length)
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", image.Url, $"Content-Length: {length}", $"Content-Range: bytes {offset}-*/*");
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(416);
        Assert.Equal(length > 0 ? "close" : null, response.Header("connection"));
        Assert.Equal(content, image.Content);
    }

    [Fact(Timeout = 20_000)]
    public async Task Chunked_put_past_the_ticket_is_416_and_writes_nothing_past_it()
    {
        TestImage image = await daemon.AddImageAsync(new byte[Size]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", image.Url, "Transfer-Encoding: chunked");
        await client.SendAsync("2711\n");
        await client.SendAsync(new byte[Size + 1]);
        await client.SendAsync("\n0\n\n");
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(416);
        Assert.Equal("close", response.Header("connection"));
        Assert.Equal(Size, new FileInfo(image.Path).Length);
    }

    [Fact(Timeout = 20_000)]
    public async Task Put_may_grow_a_file_that_is_shorter_than_its_ticket()
    {
        byte[] body = TestImage.Random(777);
        string path = daemon.Files.CreateImage([]);
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, path, Size));

        RawResponse response = await PutAsync($"/images/{id}", body, "Content-Range: bytes 5000-*/*");

        Assert.Equal(200, response.Status);
        byte[] content = await File.ReadAllBytesAsync(path);
        Assert.Equal([.. new byte[5000], .. body], content);
    }

    [Fact(Timeout = 20_000)]
    public async Task Put_with_a_ticket_for_reading_is_403_and_writes_nothing()
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content, "read");

        RawResponse response = await PutAsync(image.Url, [1, 2, 3]);

        response.AssertIsError(403);
        Assert.StartsWith("You are not allowed to access this resource: ", response.Text, StringComparison.Ordinal);
        Assert.Equal("close", response.Header("connection"));
        Assert.Equal(content, image.Content);
    }

    [Fact(Timeout = 20_000)]
    public async Task Ticket_for_writing_may_read()
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content, "write");

        Assert.Equal(content, await daemon.Local.GetByteArrayAsync(image.Url));
    }

    private async Task<RawResponse> PutAsync(string url, byte[] body, params string[] headers)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("PUT", url, [$"Content-Length: {body.Length}", .. headers]);
        await client.SendAsync(body);
        return await client.ReceiveAsync();
    }
}
