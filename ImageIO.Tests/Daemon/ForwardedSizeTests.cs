using System.Globalization;
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
    private string _answer = "";
    private byte[] _body = [];
    private string _asked = "";

    public async Task InitializeAsync()
    {
        _host = new ScriptedDaemon(ServeAsync);
        _front = await DaemonFixture.StartAsync($"[backend_http]\nca_file = {_host.Certificate.CertificateFile}");
        await _front.InstallAsync(TicketBody.For(Id, "/", Size).With("url", $"https://127.0.0.1:{_host.Port}/images/x"));
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
        Answer($"206 Partial Content\nContent-Range: bytes {first}-{last}/{Image.Length}\n{framing}", Image[first..(last + 1)]);

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
    public async Task A_daemons_ticket_that_ends_before_ours_is_416_where_the_client_relies_on_the_end(string range, string contentRange)
    {
        int first = range.Contains("1000", StringComparison.Ordinal) ? 1000 : 0;
        Answer($"206 Partial Content\nContent-Range: {contentRange}\nContent-Length: {1024 - first}", Image[first..1024]);

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
        Answer("416 Range Not Satisfiable\nContent-Range: bytes */0\nContent-Type: text/plain\nContent-Length: 5", "none\n"u8.ToArray());

        RawResponse answer = await GetAsync("");

        Assert.Equal(200, answer.Status);
        Assert.Equal("0", answer.Header("content-length"));
        Assert.Equal("application/octet-stream", answer.Header("content-type"));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("bytes=1000-1999", "206 Partial Content\nContent-Range: bytes 0-999/16384\nContent-Length: 1000", 1000)]
    [InlineData("bytes=1000-1999", "206 Partial Content\nContent-Range: bytes 1000-2999/16384\nContent-Length: 2000", 2000)]
    [InlineData("bytes=1000-1999", "206 Partial Content\nContent-Range: bytes 1000-1999/16384\nContent-Length: 500", 500)]
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
    public async Task The_daemon_is_asked_for_a_range_which_makes_it_tell_the_size_of_its_ticket(string range, string asked)
    {
        Answer("503 Service Unavailable\nContent-Length: 0", []);

        await GetAsync(range);

        Assert.Contains($"\r\nRange: {asked}\r\n", _asked, StringComparison.Ordinal);
    }

    [Theory(Timeout = 20_000)]
    [InlineData("206 Partial Content\nContent-Range: bytes 0-4095/4096\nTransfer-Encoding: chunked", 4000)]
    [InlineData("206 Partial Content\nContent-Range: bytes 0-4095/4096\nConnection: close", 4000)]
    [InlineData("206 Partial Content\nContent-Range: bytes 0-4095/4096\nContent-Length: 4096", 4000)]
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
    }

    private void Answer(string head, byte[] body) => (_answer, _body) = (head, body);

    private async Task<RawResponse> GetAsync(string range)
    {
        using RawClient client = await RawClient.ConnectTlsAsync(_front);
        await client.RequestAsync("GET", Url, range.Length > 0 ? [$"Range: {range}"] : []);
        return await client.ReceiveAsync();
    }

    private async Task ServeAsync(ScriptedDaemonConnection daemon)
    {
        _asked = await daemon.ReadHeadAsync();
        await daemon.SendAsync($"HTTP/1.1 {_answer}\n\n");
        if (!_answer.Contains("chunked", StringComparison.Ordinal))
        {
            await daemon.Stream.WriteAsync(_body, daemon.Stopping);
            return;
        }

        // In chunks whose ends are not the ticket's.
        foreach (byte[] chunk in _body.Chunk(1000))
        {
            await daemon.SendAsync($"{chunk.Length:x}\n");
            await daemon.Stream.WriteAsync(chunk, daemon.Stopping);
            await daemon.SendAsync("\n");
        }

        await daemon.SendAsync("0\n\n");
    }
}
