using System.Net;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>Whole transfers over every way in.</summary>
public sealed class TransferTests(DaemonFixture daemon) : IClassFixture<DaemonFixture>
{
    // No multiple of a block, and several rings of buffers.
    private const int Size = (17 * 1024 * 1024) + 333;

    [Theory(Timeout = 60_000)]
    [InlineData("remote")]
    [InlineData("local")]
    [InlineData("abstract")]
    public async Task Upload_and_download_are_identical(string service)
    {
        await using DaemonFixture withAbstract = await DaemonFixture.StartAsync(
            service == "abstract" ? $"[local]\nsocket = \\0/imageio-test/{Guid.NewGuid():N}\n" : "");
        byte[] content = TestImage.Random(Size);
        TestImage image = await withAbstract.AddImageAsync([]);
        await withAbstract.InstallAsync(TicketBody.For(image.Id, image.Path, Size));
        HttpClient client = service == "remote" ? withAbstract.Remote : withAbstract.Local;

        using HttpResponseMessage put = await client.PutAsync(image.Url, new ByteArrayContent(content));
        byte[] downloaded = await client.GetByteArrayAsync(image.Url);

        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        Assert.True(content.AsSpan().SequenceEqual(image.Content), "The file differs from what was uploaded");
        Assert.True(content.AsSpan().SequenceEqual(downloaded), "The download differs from what was uploaded");
    }

    [Fact(Timeout = 60_000)]
    public async Task Four_connections_upload_unaligned_ranges_side_by_side()
    {
        const int Part = (Size / 16) + 1;
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(new byte[Size]);
        var parts = new System.Collections.Concurrent.ConcurrentQueue<int>(Enumerable.Range(0, 16));

        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            using RawClient client = await RawClient.ConnectTlsAsync(daemon);
            while (parts.TryDequeue(out int part))
            {
                byte[] bytes = content[(part * Part)..Math.Min(Size, (part + 1) * Part)];
                await client.RequestAsync(
                    "PUT", $"{image.Url}?flush=n",
                    $"Content-Length: {bytes.Length}", $"Content-Range: bytes {part * Part}-*/*");
                await client.SendAsync(bytes);
                Assert.Equal(200, (await client.ReceiveAsync()).Status);
            }
        }));

        Assert.True(content.AsSpan().SequenceEqual(image.Content), "The file differs from what was uploaded");
        Assert.Equal(Size, daemon.Tickets.Find(new(image.Id)).Transferred);
    }

    [Fact(Timeout = 60_000)]
    public async Task Four_connections_download_unaligned_ranges_side_by_side()
    {
        byte[] content = TestImage.Random(Size);
        TestImage image = await daemon.AddImageAsync(content, "read");

        await Task.WhenAll(Enumerable.Range(0, 4).Select(async part =>
        {
            using RawClient client = await RawClient.ConnectTlsAsync(daemon);
            int first = (part * 4_000_000) + 1;
            await client.RequestAsync("GET", image.Url, $"Range: bytes={first}-{first + 4_000_000}");
            byte[] body = (await client.ReceiveAsync()).Body;
            Assert.True(content.AsSpan(first, 4_000_001).SequenceEqual(body), $"Part {part} differs");
        }));
    }
}
