using System.Text.Json.Nodes;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Daemon;

/// <summary>GET /images/ID/extents of a storage that takes long to tell them (issue 22, item 3).</summary>
[Trait("Needs", "Root")]
public sealed class SlowExtentsTests
{
    [SkippableFact(Timeout = 30_000)]
    public async Task Extents_are_sent_when_they_are_a_second_old_although_the_next_one_is_not_known()
    {
        Skip.IfNot(FuseStorage.WhyNot is null, FuseStorage.WhyNot);
        using FuseStorage fuse = FuseStorage.Mount();
        var time = new FakeTimeProvider();
        await using DaemonFixture daemon = await DaemonFixture.StartAsync(time: time);
        FuseFile file = fuse.AddFile("image", new byte[64 * 1024]);
        await daemon.InstallAsync(TicketBody.For("slow", file.Path, 64 * 1024, "read"));
        await daemon.Local.GetByteArrayAsync("/images/slow"); // opens the image, which seeks, too
        FuseGate seek = fuse.When(FuseOperation.Seek).Hang();
        Task<HttpResponseMessage> asked =
            daemon.Local.GetAsync("/images/slow/extents", HttpCompletionOption.ResponseHeadersRead);
        await seek.ReachedAsync();

        // An answer that has a length is not sent in pieces.
        Assert.False(asked.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        using HttpResponseMessage response = await asked;
        await using Stream body = await response.Content.ReadAsStreamAsync();
        byte[] first = new byte[1];
        await body.ReadExactlyAsync(first);
        seek.Open();
        string rest = await new StreamReader(body).ReadToEndAsync();

        Assert.Null(response.Content.Headers.ContentLength);
        Assert.Equal((byte)'[', first[0]);
        Assert.Equal(64 * 1024, Assert.Single(JsonNode.Parse("[" + rest)!.AsArray())!["length"]!.GetValue<long>());
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Extents_of_a_storage_that_fails_later_than_a_second_end_with_a_broken_connection()
    {
        Skip.IfNot(FuseStorage.WhyNot is null, FuseStorage.WhyNot);
        using FuseStorage fuse = FuseStorage.Mount();
        var time = new FakeTimeProvider();
        await using DaemonFixture daemon = await DaemonFixture.StartAsync(time: time);
        FuseFile file = fuse.AddFile("image", new byte[64 * 1024]);
        await daemon.InstallAsync(TicketBody.For("broken", file.Path, 64 * 1024, "read"));
        await daemon.Local.GetByteArrayAsync("/images/broken");
        FuseGate seek = fuse.When(FuseOperation.Seek).Hang();
        Task<HttpResponseMessage> asked =
            daemon.Local.GetAsync("/images/broken/extents", HttpCompletionOption.ResponseHeadersRead);
        await seek.ReachedAsync();

        time.Advance(TimeSpan.FromSeconds(1));
        using HttpResponseMessage response = await asked;
        seek.Fail(Mono.Unix.Native.Errno.EIO);

        await Assert.ThrowsAsync<HttpRequestException>(() => response.Content.ReadAsStringAsync());
    }
}
