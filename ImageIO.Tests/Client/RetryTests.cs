using ImageIO.Client.Copying;
using ImageIO.Client.Transport;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Client;

/// <summary>Each row of client.md section 6: what is sent again after which failure, and what is not.</summary>
public sealed class RetryTests
{
    private const int Size = 9 * 1024 * 1024 + 512;

    private static readonly byte[] Image = Bytes.Random(Size);

    public static TheoryData<bool> Servers => [false, true];

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(Servers))]
    public async Task Connection_cut_in_a_body_sends_that_range_again_on_a_new_one(bool ours)
    {
        int cuts = 0;
        await using var server = new FakeImageServer(new byte[Size]) { IsOurs = ours };
        server.Decide = request => request.Method == "PUT" && cuts++ < 3 ? FakeAction.CutAt(100_000) : FakeAction.Serve;

        await UploadAsync(server);

        AssertUploaded(server);
    }

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(Servers))]
    public async Task Answer_that_never_came_makes_the_range_be_sent_again(bool ours)
    {
        int cuts = 0;
        await using var server = new FakeImageServer(new byte[Size]) { IsOurs = ours };
        server.Decide = request =>
            request.Method == "PUT" && cuts++ < 2 ? FakeAction.CutBeforeAnswer : FakeAction.Serve;

        await UploadAsync(server);

        AssertUploaded(server);
    }

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(Servers))]
    public async Task Server_that_dies_with_answered_writes_gets_all_that_was_not_durable_again(bool ours)
    {
        int puts = 0;
        await using var server = new FakeImageServer(new byte[Size]) { IsOurs = ours };
        server.Decide = request => request.Method == "PUT" && ++puts == 3 ? FakeAction.Crash : FakeAction.Serve;

        // One worker, so that the first two were answered; and a flush after each megabyte would hide the loss.
        await UploadAsync(
            server,
            new CopyOptions { MaxWorkers = 1, BufferSize = 1024 * 1024, RetryDelay = TimeSpan.FromMilliseconds(5) });

        AssertUploaded(server);
    }

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(Servers))]
    public async Task What_is_durable_is_not_sent_again_after_a_crash(bool ours)
    {
        int flushes = 0;
        await using var server = new FakeImageServer(new byte[Size]) { IsOurs = ours };
        server.Decide = request =>
            request.Method == "flush" && ++flushes == 3 ? FakeAction.Crash : FakeAction.Serve;

        await UploadAsync(server, new CopyOptions
        {
            MaxWorkers = 1,
            BufferSize = 1024 * 1024,
            FlushBytes = 2 * 1024 * 1024,
            RetryDelay = TimeSpan.FromMilliseconds(5),
        });

        AssertUploaded(server);
        Assert.True(flushes >= 4);
        Assert.InRange(server.Received, Size + 1, Size + (6 * 1024 * 1024));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_link_that_is_cut_again_and_again_still_advances_and_sends_little_twice()
    {
        var random = new Random(3);
        await using var server = new FakeImageServer(new byte[Size]) { IsOurs = true };
        server.Decide = request => request.Method == "PUT" && random.Next(2) == 0
            ? FakeAction.CutAt(random.Next(2_000_000))
            : FakeAction.Serve;

        await UploadAsync(server, new CopyOptions { RetryDelay = TimeSpan.FromMilliseconds(1), Retries = 20 });

        AssertUploaded(server);
        Assert.True(server.Received < 4L * Size, $"{server.Received} bytes for an image of {Size}");
    }

    [Theory(Timeout = 30_000)]
    [InlineData(503)]
    [InlineData(502)]
    [InlineData(504)]
    [InlineData(408)]
    [InlineData(500)]
    public async Task Answer_that_may_be_another_next_time_is_tried_again_on_a_new_connection(int status)
    {
        int failures = 0;
        await using var server = new FakeImageServer(new byte[Size]);
        server.Decide = request =>
            request.Method is "PUT" && failures++ < 2 ? FakeAction.Status(status) : FakeAction.Serve;

        await UploadAsync(server, new CopyOptions { MaxWorkers = 1, RetryDelay = TimeSpan.FromMilliseconds(5) });

        AssertUploaded(server);
        FakeRequest[] puts = [.. server.Requests.Where(request => request.Method == "PUT").Take(3)];
        Assert.Equal(3, puts.Select(request => request.Connection).Distinct().Count());
    }

    [Theory(Timeout = 30_000)]
    [InlineData(401, TransferError.Unauthorized)]
    [InlineData(403, TransferError.OperationNotPermitted)]
    [InlineData(404, TransferError.ResourceUnknown)]
    [InlineData(416, TransferError.RangeNotSatisfiable)]
    [InlineData(507, TransferError.StorageFull)]
    public async Task Answer_that_stays_the_same_is_final_and_its_text_is_told(int status, TransferError error)
    {
        await using var server = new FakeImageServer(new byte[Size]) { MaxWriters = 1 };
        server.Decide = request => request.Method == "PUT" ? FakeAction.EarlyStatus(status) : FakeAction.Serve;

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => UploadAsync(server));

        Assert.Equal(error, e.Error);
        Assert.Contains($"{status} refused: {status}", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-id", e.ToString(), StringComparison.Ordinal);
        Assert.Single(server.Requests, request => request.Method == "PUT");
    }

    [Fact(Timeout = 30_000)]
    public async Task Error_500_is_tried_twice_and_then_told()
    {
        await using var server = new FakeImageServer(new byte[Size]) { MaxWriters = 1 };
        server.Decide = request => request.Method == "PUT" ? FakeAction.Status(500) : FakeAction.Serve;

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => UploadAsync(server));

        Assert.Equal(TransferError.StorageFailed, e.Error);
        Assert.Equal(3, server.Requests.Count(request => request.Method == "PUT"));
    }

    [Theory(Timeout = 30_000)]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Flush_that_failed_or_whose_answer_was_lost_makes_all_be_sent_again_and_flushed(
        bool ours, bool isLost)
    {
        int flushes = 0;
        await using var server = new FakeImageServer(new byte[Size]) { IsOurs = ours, MaxWriters = 1 };
        server.Decide = request => request.Method == "flush" && ++flushes == 1
            ? isLost ? FakeAction.CutBeforeAnswer : FakeAction.Status(500)
            : FakeAction.Serve;

        await UploadAsync(server);

        AssertUploaded(server, mayRepeatDurable: isLost);
        // Our server tells with the next flush that nothing was lost.
        Assert.Equal(ours && isLost ? 1 : 2, (server.Received + Size - 1) / Size);
    }

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(Servers))]
    public async Task Second_flush_that_fails_is_the_storages_fault(bool ours)
    {
        await using var server = new FakeImageServer(new byte[Size]) { IsOurs = ours };
        server.Decide = request => request.Method == "flush" ? FakeAction.Status(500) : FakeAction.Serve;

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => UploadAsync(server));

        Assert.Equal(TransferError.StorageFailed, e.Error);
    }

    [Fact(Timeout = 30_000)]
    public async Task Download_goes_on_from_the_first_missing_byte()
    {
        int cuts = 0;
        await using var server = new FakeImageServer(Image);
        server.Decide = request => request.Method == "GET"
            && !request.Range.IsEmpty && cuts++ < 3 ? FakeAction.CutAt(1_234_567) : FakeAction.Serve;
        var target = new BytesSource(new byte[Size]);

        await DownloadAsync(
            server, target, new CopyOptions { MaxWorkers = 1, RetryDelay = TimeSpan.FromMilliseconds(5) });

        Bytes.AssertEqual(Image, target.Bytes, "the download");
        long expected = 0;
        int get = 0;
        foreach (FakeRequest request in server.Requests.Where(
            request => request.Method == "GET" && !request.Range.IsEmpty))
        {
            Assert.Equal(expected, request.Range.Start);
            expected += get++ < 3 ? Math.Min(1_234_567, request.Range.Length) : request.Range.Length;
        }

        Assert.Equal(1, target.Flushes);
    }

    [Fact(Timeout = 30_000)]
    public async Task Extents_that_are_cut_go_on_where_they_were()
    {
        int cuts = 0;
        string extents = string.Join(
            ',', Enumerable.Range(0, 18)
                .Select(i => $$"""{"start":{{i * 524_288}},"length":524288,"zero":false,"hole":false}"""));
        await using var server = new FakeImageServer(Image)
        {
            Extents = $"[{extents},{{\"start\":9437184,\"length\":512,\"zero\":false,\"hole\":false}}]",
        };
        server.Decide = request => request.Path.EndsWith("zero", StringComparison.Ordinal) && ++cuts is 2 or 3
            ? FakeAction.CutAt(cuts * 300)
            : FakeAction.Serve;
        var target = new BytesSource(new byte[Size]);

        await DownloadAsync(server, target, Fast);

        Bytes.AssertEqual(Image, target.Bytes, "the download");
        Assert.Equal(4, cuts);
    }

    [Fact(Timeout = 30_000)]
    public async Task Server_that_is_gone_for_good_ends_the_copy_after_its_tries()
    {
        var server = new FakeImageServer(new byte[Size]);
        server.Decide = request => FakeAction.Serve;
        await using TransferClient client = await TransferClient.OpenAsync(
            server.Url, new TransferClientOptions(), CancellationToken.None);
        await server.DisposeAsync();

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => Copier.UploadAsync(
            new BytesSource(Image), client, Fast, null, CancellationToken.None));

        Assert.Equal(TransferError.UpstreamUnreachable, e.Error);
    }

    [Fact(Timeout = 30_000)]
    public async Task Server_that_stands_still_is_left()
    {
        int stalls = 0;
        await using var server = new FakeImageServer(new byte[Size]) { MaxWriters = 1 };
        using var never = new ManualResetEventSlim();
        server.Decide = request =>
        {
            if (request.Method == "PUT" && stalls++ == 0)
            {
                never.Wait(TimeSpan.FromSeconds(20));
            }

            return FakeAction.Serve;
        };
        await using TransferClient client = await TransferClient.OpenAsync(
            server.Url,
            new TransferClientOptions { StallTimeout = TimeSpan.FromMilliseconds(500) }, CancellationToken.None);

        await Copier.UploadAsync(new BytesSource(Image), client, Fast, null, CancellationToken.None);

        never.Set();
        Assert.Equal(Image, server.Stable);
    }

    [Fact(Timeout = 30_000)]
    public async Task Server_without_features_gets_one_writer_and_zeroes_as_data()
    {
        await using var server = new FakeImageServer(Bytes.Random(Size, seed: 2)) { HasFeatures = false };
        byte[] content = [.. Image];
        content.AsSpan(1_000_000, 2_000_000).Clear();

        await UploadAsync(server, Fast, content);

        Bytes.AssertEqual(content, server.Stable, "the image");
        Assert.DoesNotContain(server.Requests, request => request.Method is "zero" or "flush");
    }

    [Fact(Timeout = 30_000)]
    public async Task Source_that_changes_its_size_while_it_is_read_is_an_error()
    {
        await using var server = new FakeImageServer(new byte[Size]);
        var source = new BytesSource(Image);
        server.Decide = request =>
        {
            source.Size = Size - 1;
            return FakeAction.Serve;
        };
        await using TransferClient client = await TransferClient.OpenAsync(server.Url, null, CancellationToken.None);
        source.Size = Size;

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => Copier.UploadAsync(source, client, Fast, null, CancellationToken.None));

        Assert.Contains("changed its size", e.Message, StringComparison.Ordinal);
    }

    // The long form of 200 rounds is asked for by a variable; each round is another server, failure and image.
    [Fact(Timeout = 300_000)]
    public async Task Random_failures_end_in_the_same_image_or_an_error_never_in_silence()
    {
        int rounds = int.Parse(
            Environment.GetEnvironmentVariable("IMAGEIO_CLIENT_ROUNDS")
                ?? "12", System.Globalization.CultureInfo.InvariantCulture);
        for (int round = 0; round < rounds; round++)
        {
            await RandomRoundAsync(round);
        }
    }

    private static readonly CopyOptions Fast = new() { RetryDelay = TimeSpan.FromMilliseconds(5) };

    private static async Task RandomRoundAsync(int round)
    {
        var random = new Random(round);
        byte[] content = Bytes.Random(random.Next(1, 6_000_000), round);
        var extents = new List<Extent>();
        for (int position = 0; position < content.Length;)
        {
            int end = Math.Min(content.Length, position + (random.Next(1, 20) * 65536));
            bool zero = random.Next(3) == 0;
            if (zero)
            {
                content.AsSpan(position, end - position).Clear();
            }

            extents.Add(new Extent(new ByteRange(position, end), zero ? ExtentFlags.Zero : ExtentFlags.None));
            position = end;
        }

        await using var server = new FakeImageServer(Bytes.Random(content.Length, seed: round + 1))
        {
            IsOurs = random.Next(2) == 0,
        };
        int failures = random.Next(1, 6);
        server.Decide = request =>
        {
            lock (random)
            {
                if (request.Method is not ("PUT" or "zero" or "flush") || failures == 0 || random.Next(4) > 0)
                {
                    return FakeAction.Serve;
                }

                failures--;
                return random.Next(5) switch
                {
                    0 => FakeAction.Crash,
                    1 => FakeAction.CutBeforeAnswer,
                    2 => FakeAction.CutAt(random.Next(100_000)),
                    3 => FakeAction.Status(503),
                    _ => FakeAction.Status(500),
                };
            }
        };
        try
        {
            await UploadAsync(
                server,
                new CopyOptions
                {
                    MaxWorkers = random.Next(1, 5),
                    RetryDelay = TimeSpan.FromMilliseconds(1),
                    Retries = 10,
                    FlushBytes = random.Next(2) == 0 ? 1_000_000 : long.MaxValue,
                    BufferSize = 256 * 1024,
                },
                content,
                [.. extents]);
        }
        catch (TransferException)
        {
            return;
        }

        Bytes.AssertEqual(content, server.Stable, $"round {round}");
    }

    private static void AssertUploaded(FakeImageServer server, bool mayRepeatDurable = false)
    {
        Bytes.AssertEqual(Image, server.Stable, "what is durable");
        Assert.True(
            mayRepeatDurable || server.DurableAgain == 0, $"{server.DurableAgain} durable bytes were sent again");
    }

    private static async Task UploadAsync(
        FakeImageServer server, CopyOptions? options = null, byte[]? content = null, params Extent[] extents)
    {
        await using TransferClient client = await TransferClient.OpenAsync(
            server.Url, new TransferClientOptions(), CancellationToken.None);
        await Copier.UploadAsync(
            new BytesSource(content ?? Image, extents), client, options ?? Fast, null, CancellationToken.None);
    }

    private static async Task DownloadAsync(FakeImageServer server, BytesSource target, CopyOptions options)
    {
        await using TransferClient client = await TransferClient.OpenAsync(
            server.Url, new TransferClientOptions(), CancellationToken.None);
        await Copier.DownloadAsync(client, target, options, null, CancellationToken.None);
    }
}
