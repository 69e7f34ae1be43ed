using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// The size of a forwarded ticket limits what its clients see, however the other daemon answers (issue 15, A6).
/// </summary>
public sealed class ForwardedSizeTests : IAsyncLifetime
{
    private const string Id = "image-1";
    private const string Url = $"/images/{Id}";
    private const int Size = 4096;

    // The image behind the other daemon, whose bytes tell where they stand.
    private static readonly byte[] Image = Bytes.Random(4 * Size);

    private ScriptedDaemon _host = null!;
    private DaemonFixture _front = null!;
    private string _asked = "";

    // Head and body, by a part of the request's head. Empty: for all others.
    private readonly Dictionary<string, (string Head, byte[] Body)> _answers = [];

    public async Task InitializeAsync()
    {
        _host = new ScriptedDaemon(ServeAsync);
        _front = await DaemonFixture.StartAsync($"[backend_http]\nca_file = {_host.Certificate.CertificateFile}");
        await _front.InstallAsync(
            TicketBody.For(Id, "/", Size).With("url", $"https://127.0.0.1:{_host.Port}/images/x"));
    }

    public async Task DisposeAsync()
    {
        await _front.DisposeAsync();
        await _host.DisposeAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("", "Content-Length: 16384")]
    [InlineData("", "Transfer-Encoding: chunked")]
    [InlineData("bytes=0-", "Content-Length: 16384")]
    [InlineData("bytes=0-", "Transfer-Encoding: chunked")]
    [InlineData("bytes=1000-", "Content-Length: 15384")]
    [InlineData("bytes=1000-", "Transfer-Encoding: chunked")]
    [InlineData("bytes=1000-1999", "Transfer-Encoding: chunked")]
    public async Task Bytes_behind_the_ticket_are_not_shown_in_whatever_form_they_come(string range, string framing)
    {
        int first = range.Contains("1000", StringComparison.Ordinal) ? 1000 : 0;
        int last = range.EndsWith("1999", StringComparison.Ordinal) ? 1999 : Image.Length - 1;
        Answer($"206 Partial Content\nContent-Range: bytes "
            + $"{first}-{last}/{Image.Length}\n{framing}", Image[first..(last + 1)]);

        RawResponse answer = await GetAsync(range);

        int end = Math.Min(last + 1, Size);
        Assert.Equal(range.Length == 0 ? 200 : 206, answer.Status);
        Assert.Equal((end - first).ToString(CultureInfo.InvariantCulture), answer.Header("content-length"));
        Assert.Equal(range.Length == 0 ? null : $"bytes {first}-{end - 1}/{Size}", answer.Header("content-range"));
        Bytes.AssertEqual(Image.AsSpan(first, end - first), answer.Body, "the answer");
    }

    [Theory(Timeout = 20_000)]
    [InlineData("Content-Length: 16384")]
    [InlineData("Transfer-Encoding: chunked")]
    [InlineData("Connection: close")]
    public async Task A_daemon_that_ignores_ranges_shows_no_more(string framing)
    {
        Answer($"200 OK\n{framing}", Image);

        byte[] received = await _front.Remote.GetByteArrayAsync(Url);

        Bytes.AssertEqual(Image.AsSpan(0, Size), received, "the answer");
    }

    [Theory(Timeout = 20_000)]
    [InlineData("", "bytes 0-1023/1024")]
    [InlineData("bytes=0-", "bytes 0-1023/1024")]
    [InlineData("bytes=1000-", "bytes 1000-1023/1024")]
    public async Task A_daemons_ticket_that_ends_before_ours_is_416_where_the_client_relies_on_the_end(
        string range, string contentRange)
    {
        int first = range.Contains("1000", StringComparison.Ordinal) ? 1000 : 0;
        Answer(
            $"206 Partial Content\nContent-Range: {contentRange}\nContent-Length: {1024 - first}", Image[first..1024]);

        RawResponse answer = await GetAsync(range);

        answer.AssertIsError(416);
        Assert.Equal("bytes */1024", answer.Header("content-range"));
    }

    [Fact(Timeout = 20_000)]
    public async Task An_image_that_ends_before_both_tickets_is_whole()
    {
        Answer($"206 Partial Content\nContent-Range: bytes 0-1023/{Size}\nContent-Length: 1024", Image[..1024]);

        RawResponse answer = await GetAsync("");

        Assert.Equal(200, answer.Status);
        Bytes.AssertEqual(Image.AsSpan(0, 1024), answer.Body, "the answer");
    }

    [Fact(Timeout = 20_000)]
    public async Task An_empty_image_is_an_empty_answer()
    {
        Answer("416 Range Not Satisfiable\nContent-Range: bytes */0\nContent-Type: "
            + "text/plain\nContent-Length: 5", "none\n"u8.ToArray());

        RawResponse answer = await GetAsync("");

        Assert.Equal(200, answer.Status);
        Assert.Equal("0", answer.Header("content-length"));
        Assert.Equal("application/octet-stream", answer.Header("content-type"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("bytes=1000-1999", "206 Partial Content\nContent-Range: bytes 0-999/16384\nContent-Length: 1000", 1000)]
    [InlineData(
        "bytes=1000-1999", "206 Partial Content\nContent-Range: bytes 1000-2999/16384\nContent-Length: 2000", 2000)]
    [InlineData(
        "bytes=1000-1999", "206 Partial Content\nContent-Range: bytes 1000-1999/16384\nContent-Length: 500", 500)]
    [InlineData("bytes=1000-1999", "206 Partial Content\nContent-Range: bytes */16384\nContent-Length: 1000", 1000)]
    [InlineData("bytes=1000-1999", "206 Partial Content\nContent-Length: 1000", 1000)]
    [InlineData("bytes=1000-1999", "200 OK\nContent-Length: 16384", 16384)]
    [InlineData("bytes=1000-", "200 OK\nContent-Length: 16384", 16384)]
    [InlineData("bytes=0-", "200 OK\nTransfer-Encoding: chunked", 16384)]
    public async Task Bytes_of_another_range_than_the_clients_are_503(string range, string head, int length)
    {
        Answer(head, Image[..length]);

        (await GetAsync(range)).AssertIsError(503);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("", "bytes=0-")]
    [InlineData("bytes=7-", "bytes=7-")]
    [InlineData("bytes = 7-9", "bytes=7-9")]
    public async Task The_daemon_is_asked_for_a_range_which_makes_it_tell_the_size_of_its_ticket(
        string range, string asked)
    {
        Answer("503 Service Unavailable\nContent-Length: 0", []);

        await GetAsync(range);

        Assert.Contains($"\r\nRange: {asked}\r\n", _asked, StringComparison.Ordinal);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("206 Partial Content\nContent-Range: bytes 0-4095/4096\nTransfer-Encoding: chunked", 4000)]
    [InlineData("206 Partial Content\nContent-Range: bytes 0-4095/4096\nConnection: close", 4000)]
    [InlineData("206 Partial Content\nContent-Range: bytes 0-4095/4096\nContent-Length: 4096\nConnection: close", 4000)]
    public async Task An_answer_with_fewer_bytes_than_it_says_is_cut(string head, int length)
    {
        Answer(head, Image[..length]);
        using RawClient client = await RawClient.ConnectTlsAsync(_front);
        await client.RequestAsync("GET", Url);

        RawResponse answer = await client.ReceiveAsync(hasBody: false);

        Assert.Equal("4096", answer.Header("content-length"));
        int received = 0;
        while (await client.ReadAsync(Size) is { Length: > 0 } part)
        {
            received += part.Length;
        }

        Assert.Equal(length, received);
        await Eventually.HoldsAsync(
            () =>
                _front.Files.ReadLog().Contains("UpstreamFailed", StringComparison.Ordinal), "the log names the side");
        Assert.DoesNotContain("unhandled", _front.Files.ReadLog(), StringComparison.Ordinal);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("""[{"start": 0, "length": 16384, "zero": false, "hole": false}]""", "0+4096")]
    [InlineData(
        """[{"start": 0, "length": 1000, "zero": true, "hole": true}, {"start": 1000, "length": 9000, "zero": """
            + """false, "hole": false}, {"start": 10000, "length": 6384, "zero": true, "hole": false}]""",
        "0+1000zh 1000+3096")]
    [InlineData("""[{"start": 0, "length": 4096, "zero": true, "hole": false}]""", "0+4096z")]
    public async Task Extents_end_where_the_ticket_ends(string theirs, string expected)
    {
        Answer("200 OK\nContent-Type: application/json\nContent-Length: "
            + theirs.Length, Encoding.ASCII.GetBytes(theirs));

        Assert.Equal(expected, await ExtentsAsync());
    }

    [Theory(Timeout = 20_000)]
    [InlineData(Size, "0+1024z")]
    [InlineData(1024, "416")]
    public async Task Extents_that_end_before_the_ticket_are_the_images_or_416_if_they_are_the_other_tickets(
        int theirSize, string expected)
    {
        const string Theirs = """[{"start": 0, "length": 1024, "zero": true, "hole": false}]""";
        _answers["/extents"] = ("200 OK\nContent-Type: application/json\nContent-Length: "
            + Theirs.Length, Encoding.ASCII.GetBytes(Theirs));
        Answer($"206 Partial Content\nContent-Range: bytes 0-0/{theirSize}\nContent-Length: 1", Image[..1]);

        Assert.Equal(expected, await ExtentsAsync());
    }

    [Theory(Timeout = 20_000)]
    [InlineData("[]", "0+0")]
    [InlineData("[null]", "503")]
    [InlineData("{}", "503")]
    [InlineData("[1]", "503")]
    [InlineData("""[{"start": 0}]""", "503")]
    [InlineData("""[{"start": 0, "length": -1}]""", "503")]
    [InlineData("""[{"start": 1, "length": 1}]""", "503")]
    [InlineData("""[{"start": 0, "length": 1}, {"start": 0, "length": 1}]""", "503")]
    [InlineData("""[{"start": 0, "length": 99999999999999999999}]""", "503")]
    [InlineData("""[{"start": 0, "length": 1}""", "503")]
    public async Task Extents_that_make_no_sense_are_503(string theirs, string expected)
    {
        _answers["/extents"] = ("200 OK\nContent-Length: " + theirs.Length, Encoding.ASCII.GetBytes(theirs));
        Answer("416 Range Not Satisfiable\nContent-Range: bytes */0\nContent-Length: 0", []);

        Assert.Equal(expected, await ExtentsAsync());
    }

    [Theory(Timeout = 20_000)]
    [InlineData(Size, true, 200)]
    [InlineData(4 * Size, false, 200)]
    [InlineData(4 * Size, true, 416)]
    [InlineData(1024, false, 416)]
    public async Task Checksum_is_of_the_bytes_that_the_ticket_permits_or_416(int theirSize, bool goesOn, int expected)
    {
        const string Theirs = """{"algorithm": "sha1", "block_size": 4194304, "checksum": "00"}""";
        _answers["/checksum"] = ($"200 OK\nContent-Type: application/json\nContent-Length: "
            + $"{Theirs.Length}", Encoding.ASCII.GetBytes(Theirs));
        _answers["bytes=0-0"] =
            ($"206 Partial Content\nContent-Range: bytes 0-0/{theirSize}\nContent-Length: 1", Image[..1]);
        _answers["bytes=4096-4096"] = goesOn
            ? ($"206 Partial Content\nContent-Range: bytes 4096-4096/{theirSize}\nContent-Length: 1", Image[..1])
            : ($"416 Range Not Satisfiable\nContent-Range: bytes */{Size}\nContent-Length: 0", []);

        using HttpResponseMessage answer = await _front.Remote.GetAsync($"{Url}/checksum?algorithm=sha1");

        await ProxiedDaemon.AssertStatusAsync((HttpStatusCode)expected, answer);
        if (expected == 200)
        {
            Assert.Equal(Theirs, await answer.Content.ReadAsStringAsync());
        }
    }

    [Theory(Timeout = 20_000)]
    [InlineData("/extents")]
    [InlineData("/checksum")]
    [InlineData("")]
    public async Task Refusals_of_the_other_daemon_come_with_their_text(string subResource)
    {
        Answer("403 Forbidden\nContent-Type: text/plain\nContent-Length: 5", "never"u8.ToArray());

        using HttpResponseMessage answer = await _front.Remote.GetAsync(Url + subResource);

        await ProxiedDaemon.AssertStatusAsync(HttpStatusCode.Forbidden, answer);
        Assert.Equal("never", await answer.Content.ReadAsStringAsync());
    }

    // As "START+LENGTH" with z and h for the flags; the status, if it is no success.
    private async Task<string> ExtentsAsync()
    {
        using HttpResponseMessage answer = await _front.Remote.GetAsync($"{Url}/extents");
        string text = await answer.Content.ReadAsStringAsync();
        return !answer.IsSuccessStatusCode
            ? ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture)
            : string.Join(' ', JsonNode.Parse(text)!.AsArray().Select(extent =>
                $"{extent!["start"]}+{extent["length"]}"
                + ((bool)extent["zero"]! ? "z" : "") + ((bool)extent["hole"]! ? "h" : "")));
    }

    private void Answer(string head, byte[] body) => _answers[""] = (head, body);

    private async Task<RawResponse> GetAsync(string range)
    {
        using RawClient client = await RawClient.ConnectTlsAsync(_front);
        await client.RequestAsync("GET", Url, range.Length > 0 ? [$"Range: {range}"] : []);
        return await client.ReceiveAsync();
    }

    private async Task ServeAsync(ScriptedDaemonConnection daemon)
    {
        string head;
        do
        {
            string asked = _asked = await daemon.ReadHeadAsync();
            byte[] body;
            (head, body) = _answers.OrderByDescending(answer => answer.Key.Length)
                .First(answer => asked.Contains(answer.Key, StringComparison.Ordinal)).Value;
            await daemon.SendAsync($"HTTP/1.1 {head}\n\n");
            await SendAsync(daemon, body, head.Contains("chunked", StringComparison.Ordinal));
        }
        while (!head.Contains("close", StringComparison.Ordinal));
    }

    private static async Task SendAsync(ScriptedDaemonConnection daemon, byte[] body, bool isChunked)
    {
        if (!isChunked)
        {
            await daemon.Stream.WriteAsync(body, daemon.Stopping);
            return;
        }

        // In chunks whose ends are not the ticket's.
        foreach (byte[] chunk in body.Chunk(1000))
        {
            await daemon.SendAsync($"{chunk.Length:x}\n");
            await daemon.Stream.WriteAsync(chunk, daemon.Stopping);
            await daemon.SendAsync("\n");
        }

        await daemon.SendAsync("0\n\n");
    }
}
