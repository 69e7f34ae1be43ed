using System.Text.Json.Nodes;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Page;

/// <summary>Uploads by the page, from a file that is chosen to a disk that is the same.</summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageUploadTests(PageFixture fixture) : IDisposable
{
    private const int Mebibyte = 1024 * 1024;

    private readonly ImageDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableFact(Timeout = 60_000)]
    public async Task Sparse_file_becomes_the_same_sparse_disk_and_the_checksum_is_the_servers()
    {
        string source = SampleFile.Create(_files, 96 * Mebibyte, (0, 3), (20, 9), (95, 1));
        TestImage image = await fixture.AddEmptyImageAsync(96 * Mebibyte);
        await using PageVisit visit = await fixture.VisitAsync(image.Id);

        await visit.UploadAsync(source);
        await visit.ReachAsync("done");

        JsonNode theirs = JsonNode.Parse(await fixture.Daemon.Remote.GetStringAsync($"{image.Url}/checksum?algorithm=sha256"))!;
        Assert.Equal(theirs["checksum"]!.GetValue<string>(), await visit.ChecksumAsync());
        await SampleFile.AssertSameAsync(source, image.Path);
        Assert.InRange(SampleFile.AllocatedBytes(image.Path), 13 * Mebibyte, 14 * Mebibyte);
    }
}
