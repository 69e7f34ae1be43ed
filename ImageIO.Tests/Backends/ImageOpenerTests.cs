using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Backends;

public sealed class ImageOpenerTests : IDisposable
{
    private static readonly ImageUrl Url = ImageUrl.Parse("memory:disk");
    private readonly BufferPool _pool = new(BufferPool.SmallBuffer);
    private readonly MemoryFactory _factory = new();

    public void Dispose() => _pool.Dispose();

    [Fact(Timeout = 30_000)]
    public async Task All_handles_on_one_url_share_their_locks_and_other_images_do_not()
    {
        ImageOpener opener = Opener(_ => new RingSettings());
        await using ImageHandle first = await opener.OpenAsync(Url, new ImageAccess(Write: true), default);
        await using ImageHandle second = await opener.OpenAsync(Url, new ImageAccess(Write: false), default);
        await using ImageHandle other = await opener.OpenAsync(
            ImageUrl.Parse("memory:other"), new ImageAccess(true), default);

        Assert.Same(first.Locks, second.Locks);
        Assert.NotSame(first.Locks, other.Locks);
        Assert.Equal("memory", first.BackendName);
    }

    [Fact(Timeout = 30_000)]
    public async Task Image_is_looked_for_and_opened_on_storage_threads_alone()
    {
        ImageOpener opener = Opener(_ => new RingSettings());

        await using ImageHandle image = await Task.Factory.StartNew(
            () => opener.OpenAsync(Url, new ImageAccess(Write: true), default).AsTask(),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).Unwrap();

        Assert.Single(_factory.Opened);
        Assert.Equal(0, _factory.CallsOnOtherThreads);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("file:{0}/image", "file://{0}/image")]
    [InlineData("file:{0}/image", "file:{0}/./image")]
    [InlineData("file:{0}/image", "file:{0}/symbolic-link")]
    [InlineData("file:{0}/image", "file:{0}/hard-link")]
    public async Task All_names_of_one_file_share_their_locks(string name, string otherName)
    {
        using var directory = new ImageDirectory();
        directory.Create("image", new byte[512]);
        File.CreateSymbolicLink(directory.File("symbolic-link"), "image");
        Assert.Equal(0, Mono.Unix.Native.Syscall.link(directory.File("image"), directory.File("hard-link")));
        directory.Create("other", new byte[512]);
        var opener = new ImageOpener(
            new BackendRegistry([new ImageIO.Backends.File.FileBackendFactory()]), _pool, _ => new RingSettings(),
            TestThreads.Shared);
        Task<ImageHandle> OpenAsync(string url) => opener.OpenAsync(
            ImageUrl.Parse(string.Format(System.Globalization.CultureInfo.InvariantCulture, url, directory.Path)),
            new ImageAccess(true), default).AsTask();
        await using ImageHandle first = await OpenAsync(name);
        await using ImageHandle second = await OpenAsync(otherName);
        await using ImageHandle other = await OpenAsync("file:{0}/other");

        Assert.Same(first.Locks, second.Locks);
        Assert.NotSame(first.Locks, other.Locks);
    }

    [Fact(Timeout = 30_000)]
    public async Task The_locks_live_as_long_as_the_last_handle()
    {
        ImageOpener opener = Opener(_ => new RingSettings());
        ImageHandle first = await opener.OpenAsync(Url, new ImageAccess(true), default);
        ImageHandle second = await opener.OpenAsync(Url, new ImageAccess(true), default);
        RangeLock locks = first.Locks;
        await first.DisposeAsync();

        await using (ImageHandle third = await opener.OpenAsync(Url, new ImageAccess(true), default))
        {
            Assert.Same(locks, third.Locks);
        }

        await second.DisposeAsync();
        await using ImageHandle fresh = await opener.OpenAsync(Url, new ImageAccess(true), default);
        Assert.NotSame(locks, fresh.Locks);
    }

    [Fact(Timeout = 30_000)]
    public async Task The_ring_is_the_one_set_for_the_backend()
    {
        ImageOpener opener = Opener(name => new RingSettings(name == "memory" ? 8192 : 4096, 7));
        await using ImageHandle image = await opener.OpenAsync(Url, new ImageAccess(true), default);

        Assert.Equal(new RingSettings(8192, 7), image.Ring);
    }

    [Fact(Timeout = 30_000)]
    public async Task An_opening_that_fails_half_way_closes_the_backend()
    {
        ImageOpener opener = Opener(_ => throw new InvalidOperationException("no settings"));

        await Assert.ThrowsAsync<InvalidOperationException>(
            () => opener.OpenAsync(Url, new ImageAccess(true), default).AsTask());

        Assert.True(Assert.Single(_factory.Opened).IsDisposed);
    }

    private ImageOpener Opener(Func<string, RingSettings> ringFor) =>
        new(new BackendRegistry([_factory]), _pool, ringFor, TestThreads.Shared);
}
