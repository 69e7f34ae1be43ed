using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>The answers to clients when the storage fails (issue 15, D22).</summary>
[Collection(RunningDaemon.Collection)]
[Trait("Needs", "Root")]
public sealed class StorageErrorTests(RunningDaemon daemon) : IDisposable
{
    private const int Size = 8192;

    private readonly FuseStorage _storage = FuseStorage.Mount();

    public void Dispose() => _storage.Dispose();

    [SkippableTheory(Timeout = 30_000)]
    [InlineData(Errno.ESTALE)]
    [InlineData(Errno.EIO)]
    public async Task A_size_that_the_storage_does_not_tell_is_a_failure_of_the_storage(Errno errno)
    {
        string image = await AddImageAsync();
        _storage.When(FuseOperation.Stat, call => call.File is not null).Fail(errno);

        foreach (string path in (string[])["", "/extents", "/checksum"])
        {
            using HttpResponseMessage response = await daemon.Local.GetAsync(image + path);
            Assert.Equal(500, (int)response.StatusCode);
            Assert.StartsWith(
                "The storage failed", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task A_flush_for_which_there_is_no_space_says_so_and_claims_nothing_of_bytes_written()
    {
        string image = await AddImageAsync();
        _storage.When(FuseOperation.Fsync).Fail(Errno.ENOSPC);

        using HttpResponseMessage put = await daemon.Local.PutAsync(image, new ByteArrayContent(new byte[Size]));
        using HttpResponseMessage flush = await daemon.Local.PatchAsync(
            image, new StringContent("""{"op": "flush"}"""));

        foreach (HttpResponseMessage response in (HttpResponseMessage[])[put, flush])
        {
            Assert.Equal(507, (int)response.StatusCode);
            Assert.Equal(
                "No space left on the storage: what was written could not be made durable\n",
                await response.Content.ReadAsStringAsync());
        }
    }

    // Open already: what fails is the image that is being used.
    private async Task<string> AddImageAsync()
    {
        FuseFile file = _storage.AddFile("image", TestImage.Random(Size));
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, file.Path, Size));
        using HttpResponseMessage response = await daemon.Local.GetAsync($"/images/{id}");
        response.EnsureSuccessStatusCode();
        return $"/images/{id}";
    }
}
