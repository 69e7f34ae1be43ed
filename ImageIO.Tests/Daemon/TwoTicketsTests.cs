using System.Net;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;

namespace ImageIO.Tests.Daemon;

/// <summary>Readers while another ticket writes the unaligned end of the image (issue 15, A4).</summary>
[Collection(RunningDaemon.Collection)]
[Trait("Needs", "Root")]
public sealed class TwoTicketsTests(RunningDaemon daemon) : IDisposable
{
    private const int Size = 5000;

    private readonly FuseStorage _storage = FuseStorage.Mount();

    public void Dispose() => _storage.Dispose();

    [SkippableTheory(Timeout = 60_000)]
    [InlineData(0)]
    [InlineData(4700)]
    public async Task Readers_see_the_true_size_at_every_call_that_writes_the_end(int start)
    {
        byte[] content = TestImage.Random(Size);
        FuseFile file = _storage.AddFile("image", content);
        string writer = await InstallAsync(file, "write");
        string reader = await InstallAsync(file, "read");

        // Opens the image, which asks for extents: the kernel lets no lseek(2) pass a hung write of the same file.
        Assert.Equal(content, await daemon.Local.GetByteArrayAsync(reader));

        for (int nth = 1; ; nth++)
        {
            int calls = 0;
            var gate = new FuseGate();
            foreach (FuseOperation operation in
                (FuseOperation[])[FuseOperation.Write,
                    FuseOperation.Truncate, FuseOperation.Allocate, FuseOperation.Fsync])
            {
                _storage.When(operation, _ => ++calls == nth).Hang(gate);
            }

            Task<HttpStatusCode> put = PutAsync(writer, content[start..], start);
            await Eventually.HoldsAsync(
                () => gate.Count == 1 || put.IsCompleted, "the call is reached, or was the last");
            Assert.Equal(content, await daemon.Local.GetByteArrayAsync(reader));
            bool wasLast = put.IsCompleted;
            gate.Open();
            Assert.Equal(HttpStatusCode.OK, await put);
            _storage.ForgetRules();
            if (wasLast)
            {
                Assert.InRange(nth, 3, 10);
                return;
            }
        }
    }

    // Larger than the image, so that the image's size is what counts.
    private async Task<string> InstallAsync(FuseFile file, string ops)
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, file.Path, 2 * Size, ops));
        return $"/images/{id}";
    }

    private async Task<HttpStatusCode> PutAsync(string url, byte[] bytes, int start)
    {
        using var body = new ByteArrayContent(bytes);
        body.Headers.TryAddWithoutValidation("Content-Range", $"bytes {start}-*/*");
        using HttpResponseMessage response = await daemon.Local.PutAsync(url, body);
        return response.StatusCode;
    }
}
