using ImageIO.Backends.File;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
using ImageIO.Tests.Support.Storage;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends;

/// <summary>
/// While the last, partial block of a file is written the file is never longer than the truth, whoever looks and whatever
/// fails (issue 15, A4).
/// </summary>
[Trait("Needs", "Root")]
public sealed class FileTailTests : IDisposable
{
    private const int Timeout = 30_000;
    private const int Size = 5000;

    private readonly FuseStorage _storage = FuseStorage.Mount();
    private readonly FileBackendFactory _factory = new();
    private readonly byte[] _content = Bytes.Random(Size);

    public void Dispose() => _storage.Dispose();

    [SkippableTheory(Timeout = Timeout)]
    [InlineData(Size)]
    [InlineData(0)]
    [InlineData(4096)]
    [InlineData(Size - 1)]
    public async Task No_call_makes_the_file_longer_than_what_is_written(int before)
    {
        FuseFile file = _storage.AddFile("image", _content[..before]);
        await using IBackend backend = await OpenAsync(file);
        _storage.ForgetCalls();

        await backend.WriteBytesAsync(_content, 0);

        Assert.Equal(_content, file.Content);
        Assert.All(
            _storage.Calls.Where(call => call.Operation is FuseOperation.Write or FuseOperation.Truncate or FuseOperation.Allocate),
            call => Assert.InRange(call.End, 0, Size));
    }

    [SkippableTheory(Timeout = Timeout)]
    [InlineData(0)]
    [InlineData(4096)]
    [InlineData(Size)]
    public async Task Whichever_call_fails_the_file_is_not_too_long_and_writing_again_makes_it_right(int before)
    {
        for (int nth = 1; ; nth++)
        {
            FuseFile file = _storage.AddFile($"image {nth}", new byte[before]);
            await using IBackend backend = await OpenAsync(file);
            int calls = 0;
            foreach (FuseOperation operation in (FuseOperation[])[FuseOperation.Open, FuseOperation.Write, FuseOperation.Truncate])
            {
                _storage.When(operation, _ => ++calls == nth).Fail(Errno.EIO);
            }

            Exception? failure = await Record.ExceptionAsync(() => backend.WriteBytesAsync(_content, 0));
            _storage.ForgetRules();

            Assert.InRange(file.Size, before, Size);
            await backend.WriteBytesAsync(_content, 0);
            Assert.Equal(_content, file.Content);
            if (failure is null)
            {
                Assert.InRange(nth, 2, 10);
                return;
            }

            Assert.Equal(TransferError.StorageFailed, Assert.IsType<TransferException>(failure).Error);
        }
    }

    [SkippableFact(Timeout = Timeout)]
    [Trait("Speed", "Slow")]
    public async Task A_daemon_that_is_killed_in_any_call_of_a_tail_leaves_no_padding()
    {
        for (int nth = 1; ; nth++)
        {
            using var files = new DaemonFiles();
            FuseFile file = _storage.AddFile($"image-{nth}", new byte[Size]);
            string id = Guid.NewGuid().ToString();
            await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
            await daemon.InstallAsync(TicketBody.For(id, file.Path, Size));
            (await daemon.Local.GetAsync($"/images/{id}")).Dispose();
            int calls = 0;
            bool IsNth(FuseCall call) => call.File == file.Name && ++calls == nth;
            var gate = new FuseGate();
            _storage.ForgetRules();
            foreach (FuseOperation operation in
                (FuseOperation[])[FuseOperation.Open, FuseOperation.Read, FuseOperation.Write, FuseOperation.Truncate, FuseOperation.Fsync])
            {
                _storage.When(operation, IsNth).Hang(gate);
            }

            using var body = new ByteArrayContent(_content[4500..]);
            body.Headers.TryAddWithoutValidation("Content-Range", "bytes 4500-*/*");
            Task<HttpResponseMessage> put = daemon.Local.PutAsync($"/images/{id}", body);
            await Eventually.HoldsAsync(() => gate.Count == 1 || put.IsCompleted, "the call is reached, or was the last");
            if (put.IsCompleted)
            {
                (await put).EnsureSuccessStatusCode().Dispose();
                Assert.InRange(nth, 3, 12);
                return;
            }

            daemon.Signal(Signum.SIGKILL);
            gate.Open();
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => put);
            await daemon.ExitAsync();

            Assert.Equal(Size, file.Size);
            Assert.Equal(new byte[4500], file.Content[..4500]);
        }
    }

    private async Task<IBackend> OpenAsync(FuseFile file) => await _factory.OpenAsync(
        ImageUrl.Parse($"file://{file.Path}"), new ImageAccess(Write: true), CancellationToken.None);
}
