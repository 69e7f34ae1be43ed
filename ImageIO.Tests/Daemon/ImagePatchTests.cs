using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>PATCH and OPTIONS of <c>/images/ID</c> (daemon-api section 4).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class ImagePatchTests(RunningDaemon daemon)
{
    private const int Size = 10_000;

    [Theory(Timeout = 20_000)]
    [InlineData("""{"op": "zero", "size": 100}""", 0, 100)]
    [InlineData("""{"op": "zero", "size": 100, "offset": 50}""", 50, 100)]
    [InlineData("""{"op": "zero", "size": 8192, "offset": 511, "flush": true}""", 511, 8192)]
    [InlineData("""{"op": "zero", "size": 100, "offset": 9900, "flush": false}""", 9900, 100)]
    [InlineData("""{"op": "zero", "size": 0, "offset": 10000}""", 0, 0)]
    [InlineData("""{"op": "zero", "size": 1, "newer": {"key": [1]}, "offset": 3}""", 3, 1)]
    [InlineData("""{"op": "flush"}""", 0, 0)]
    [InlineData("""{"op": "flush", "size": true}""", 0, 0)]
    public async Task Patch_zeroes_exactly_the_range(string body, int offset, int length)
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content);

        RawResponse response = await PatchAsync(image.Url, body);

        Assert.Equal(200, response.Status);
        Assert.Equal("0", response.Header("content-length"));
        Array.Clear(content, offset, length);
        Assert.Equal(content, image.Content);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("\"zero\"")]
    [InlineData("{}")]
    [InlineData("""{"op": null}""")]
    [InlineData("""{"op": 1}""")]
    [InlineData("""{"op": "Zero", "size": 1}""")]
    [InlineData("""{"op": "write", "size": 1}""")]
    [InlineData("""{"op": "\ud800", "size": 1}""")]
    [InlineData("""{"\ud800": "zero", "size": 1}""")]
    [InlineData("""{"op": "zero"}""")]
    [InlineData("""{"op": "zero", "size": null}""")]
    [InlineData("""{"op": "zero", "size": true}""")]
    [InlineData("""{"op": "zero", "size": 1.0}""")]
    [InlineData("""{"op": "zero", "size": 1e2}""")]
    [InlineData("""{"op": "zero", "size": "1"}""")]
    [InlineData("""{"op": "zero", "size": -1}""")]
    [InlineData("""{"op": "zero", "size": 1, "offset": null}""")]
    [InlineData("""{"op": "zero", "size": 1, "offset": false}""")]
    [InlineData("""{"op": "zero", "size": 1, "offset": 1.0}""")]
    [InlineData("""{"op": "zero", "size": 1, "offset": -1}""")]
    [InlineData("""{"op": "zero", "size": 1, "flush": 1}""")]
    [InlineData("""{"op": "zero", "size": 1, "flush": null}""")]
    [InlineData("""{"op": "zero", "size": 1, "flush": "true"}""")]
    public async Task Wrong_patch_is_400_before_authorization(string body)
    {
        RawResponse response = await PatchAsync("/images/unknown", body);

        response.AssertIsError(400);
        Assert.Null(response.Header("connection"));
    }

    [Fact(Timeout = 20_000)]
    public async Task Patch_that_is_not_utf8_is_400()
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        byte[] body = System.Text.Encoding.Latin1.GetBytes("{\"op\": \"\u00ff\", \"size\": 1}");

        await client.RequestAsync("PATCH", "/images/unknown", $"Content-Length: {body.Length}");
        await client.SendAsync(body);

        (await client.ReceiveAsync()).AssertIsError(400);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("""{"op": "zero", "size": 10001}""")]
    [InlineData("""{"op": "zero", "size": 1, "offset": 10000}""")]
    [InlineData("""{"op": "zero", "size": 0, "offset": 10001}""")]
    [InlineData("""{"op": "zero", "size": 9223372036854775807, "offset": 9223372036854775807}""")]
    [InlineData("""{"op": "zero", "size": 9223372036854775808}""")]
    [InlineData("""{"op": "zero", "size": 1, "offset": 18446744073709551616}""")]
    public async Task Zero_past_the_ticket_is_416_and_zeroes_nothing(string body)
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content);

        RawResponse response = await PatchAsync(image.Url, body);

        response.AssertIsError(416);
        Assert.Null(response.Header("connection"));
        Assert.Equal(content, image.Content);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("""{"op": "zero", "size": 20000}""")]
    [InlineData("""{"op": "zero", "size": 18446744073709551616}""")]
    [InlineData("""{"op": "flush"}""")]
    public async Task Patch_with_a_ticket_for_reading_is_403_before_the_range(string body)
    {
        TestImage image = await daemon.AddImageAsync(TestImage.Random(Size), "read");

        RawResponse response = await PatchAsync(image.Url, body);

        response.AssertIsError(403);
        Assert.Equal("close", response.Header("connection"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Zero_past_the_end_of_the_file_grows_it(bool sparse)
    {
        byte[] content = TestImage.Random(1000);
        string path = daemon.Files.CreateImage(content);
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, path, Size).With("sparse", sparse));

        RawResponse response = await PatchAsync($"/images/{id}", """{"op": "zero", "size": 9000, "offset": 999}""");

        Assert.Equal(200, response.Status);
        byte[] grown = await File.ReadAllBytesAsync(path);
        Assert.Equal([.. content[..999], .. new byte[9000]], grown);
    }

    [Theory(Timeout = 20_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Zero_gives_space_back_only_when_the_ticket_is_sparse(bool sparse)
    {
        const int Length = 1024 * 1024;
        string id = Guid.NewGuid().ToString();
        string path = daemon.Files.CreateImage(Bytes.Random(Length));
        await daemon.InstallAsync(TicketBody.For(id, path, Length).With("sparse", sparse));

        RawResponse response = await PatchAsync(
            $"/images/{id}", $$"""{"op": "zero", "size": {{Length}}, "flush": true}""");

        Assert.Equal(200, response.Status);
        Assert.Equal(new byte[Length], await File.ReadAllBytesAsync(path));
        Assert.Equal(0, Mono.Unix.Native.Syscall.stat(path, out Mono.Unix.Native.Stat stat));
        // In units of 512 bytes (stat(2)).
        Assert.Equal(sparse ? 0 : Length / 512, stat.st_blocks);
    }

    [Fact(Timeout = 20_000)]
    public async Task Options_of_a_ticket_for_writing_allows_all_and_says_how_to_connect()
    {
        TestImage image = await daemon.AddImageAsync(TestImage.Random(Size), "write");

        RawResponse response = await OptionsAsync(image.Url);

        Assert.Equal(200, response.Status);
        Assert.Equal("OPTIONS,GET,PUT,PATCH", response.Header("allow"));
        Assert.Equal("application/json", response.Header("content-type"));
        Assert.Equal(
            $$"""
            {"features":["checksum","extents","flush","zero"],"max_readers":8,"max_writers":8,
            "unix_socket":"{{daemon.Files.LocalSocket}}","size":{{Size}},"expires_in":300,"ops":["write"]}
            """.ReplaceLineEndings("") + "\n",
            response.Text);
    }

    [Fact(Timeout = 20_000)]
    public async Task Options_of_a_ticket_for_reading_allows_reading()
    {
        TestImage image = await daemon.AddImageAsync(TestImage.Random(Size), "read");

        RawResponse response = await OptionsAsync(image.Url);

        Assert.Equal("OPTIONS,GET", response.Header("allow"));
        Assert.StartsWith(
            """{"features":["checksum","extents"],"max_readers":8,"max_writers":8,""",
            response.Text, StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Options_tell_the_size_that_the_ticket_reaches_of_the_image()
    {
        string path = daemon.Files.CreateImage(new byte[100]);
        foreach ((string op, long ticketSize, long expected) in (IEnumerable<(string, long, long)>)
            [("read", 100, 100), ("read", 50, 50), ("read", 4096, 100), ("write", 4096, 4096), ("write", 50, 50)])
        {
            string id = Guid.NewGuid().ToString();
            await daemon.InstallAsync(TicketBody.For(id, path, ticketSize, op).With("filename", "a name.qcow2"));

            var options = JsonNode.Parse((await OptionsAsync($"/images/{id}")).Text)!;

            Assert.Equal(expected, options["size"]!.GetValue<long>());
            Assert.Equal("a name.qcow2", options["filename"]!.GetValue<string>());
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Options_of_the_star_needs_no_ticket_and_names_no_maximum()
    {
        RawResponse response = await OptionsAsync("/images/*");

        Assert.Equal(200, response.Status);
        Assert.Equal("OPTIONS,GET,PUT,PATCH", response.Header("allow"));
        Assert.Equal(
            $$"""{"features":["checksum","extents","flush","zero"],"unix_socket":"{{daemon.Files.LocalSocket}}"}"""
                + "\n", response.Text);
    }

    [Fact(Timeout = 20_000)]
    public async Task Options_of_an_unknown_ticket_is_403_and_closes()
    {
        RawResponse response = await OptionsAsync("/images/unknown");

        response.AssertIsError(403);
        Assert.Equal("close", response.Header("connection"));
    }

    private async Task<RawResponse> PatchAsync(string url, string body)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("PATCH", url, $"Content-Length: {body.Length}");
        await client.SendAsync(System.Text.Encoding.UTF8.GetBytes(body));
        return await client.ReceiveAsync();
    }

    private async Task<RawResponse> OptionsAsync(string url)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("OPTIONS", url);
        return await client.ReceiveAsync();
    }
}
