using System.Globalization;
using System.Text.RegularExpressions;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>A file system that is full (daemon-api section 4: 507).</summary>
public sealed partial class FullDiskTests(DaemonFixture daemon) : IClassFixture<DaemonFixture>
{
    private const int MiB = 1024 * 1024;

    [SkippableFact(Timeout = 60_000)]
    [Trait("Needs", "Root")]
    public async Task Full_disk_is_507_with_the_bytes_written_and_the_ticket_stays_usable()
    {
        await using LoopFileSystem storage = await LoopFileSystem.CreateAsync(48);
        string filler = storage.Create("filler", new byte[30 * MiB]);
        byte[] content = TestImage.Random(24 * MiB);
        var image = new TestImage(Guid.NewGuid().ToString(), storage.Create("image", []));
        await daemon.InstallAsync(TicketBody.For(image.Id, image.Path, content.Length));

        RawResponse full = await PutAsync(image, content);
        long written = long.Parse(Bytes().Match(full.Text).Groups[1].Value, CultureInfo.InvariantCulture);
        byte[] stored = image.Content;
        File.Delete(filler);
        RawResponse again = await PutAsync(image, content);

        full.AssertIsError(507);
        Assert.InRange(written, 1, content.Length - 1);
        Assert.True(
            stored.AsSpan().CommonPrefixLength(content) >= written, "Fewer bytes are on disk than the answer says");
        Assert.Equal(200, again.Status);
        Assert.True(content.AsSpan().SequenceEqual(image.Content), "The file differs from what was uploaded");
        await daemon.BecomesQuietAsync(image);
    }

    private async Task<RawResponse> PutAsync(TestImage image, byte[] content)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
        await client.RequestAsync("PUT", image.Url, $"Content-Length: {content.Length}");
        await client.SendAsync(content);
        return await client.ReceiveAsync();
    }

    [GeneratedRegex("([0-9]+) bytes")]
    private static partial Regex Bytes();
}
