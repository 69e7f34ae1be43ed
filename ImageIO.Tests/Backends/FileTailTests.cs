using ImageIO.Backends.File;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
using ImageIO.Tests.Support.Storage;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends;

/// <summary>
/// While the last, partial block of a file is written, the file is never longer than the truth, for any reader and
/// after any failure (issue 15, A4).
/// </summary>
[Trait("Needs", "Root")]
public sealed class FileTailTests : IDisposable
{
    private const int Timeout = 30_000;
    private const int Size = 5000;
    private const int TailStart = 4700;

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
            _storage.Calls.Where(
                call => call.Operation is FuseOperation.Write or FuseOperation.Truncate or FuseOperation.Allocate),
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
            foreach (FuseOperation operation in (FuseOperation[])[FuseOperation.Open,
                FuseOperation.Write, FuseOperation.Truncate])
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

    [SkippableFact(Timeout = 120_000)]
    [Trait("Speed", "Slow")]
    public async Task A_daemon_that_is_killed_in_any_call_of_a_tail_leaves_no_padding()
    {
        // One file for each call, each of whose uploads stands in another call when the daemon is killed.
        const int Files = 8;
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        var gates = new FuseGate[Files];
        var images = new FuseFile[Files];
        var puts = new Task<HttpResponseMessage>[Files];
        for (int i = 0; i < Files; i++)
        {
            FuseFile file = images[i] = _storage.AddFile($"image-{i}", new byte[Size]);
            await daemon.InstallAsync(TicketBody.For(file.Name, file.Path, Size));
            (await daemon.Local.GetAsync($"/images/{file.Name}")).Dispose();
            gates[i] = HangNth(file, i + 1);
            puts[i] = PutTailAsync(daemon, file);
        }

        await Eventually.HoldsAsync(
            () => Enumerable.Range(0, Files).All(i => gates[i].Count == 1 || puts[i].IsCompleted),
            "each upload stands in its call, or has made fewer calls");
        int hung = gates.Count(gate => gate.Count == 1);
        Assert.InRange(hung, 3, Files - 1);
        daemon.Signal(Signum.SIGKILL);
        Array.ForEach(gates, gate => gate.Open());
        await daemon.ExitAsync();

        Assert.All(await Task.WhenAll(puts[hung..]), response => Assert.True(response.IsSuccessStatusCode));
        foreach (Task<HttpResponseMessage> put in puts[..hung])
        {
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => put);
        }

        Assert.All(images, image => Assert.Equal(Size, image.Size));
        Assert.All(images, image => Assert.Equal(new byte[TailStart], image.Content[..TailStart]));
    }

    private FuseGate HangNth(FuseFile file, int nth)
    {
        int calls = 0;
        var gate = new FuseGate();
        foreach (FuseOperation operation in (FuseOperation[])
            [FuseOperation.Open, FuseOperation.Read, FuseOperation.Write, FuseOperation.Truncate, FuseOperation.Fsync])
        {
            _storage.When(operation, call => call.File == file.Name && ++calls == nth).Hang(gate);
        }

        return gate;
    }

    private async Task<HttpResponseMessage> PutTailAsync(DaemonProcess daemon, FuseFile file)
    {
        using var body = new ByteArrayContent(_content[TailStart..]);
        body.Headers.TryAddWithoutValidation("Content-Range", $"bytes {TailStart}-*/*");
        return await daemon.Local.PutAsync($"/images/{file.Name}", body);
    }

    private async Task<IBackend> OpenAsync(FuseFile file) => await _factory.OpenAsync(
        ImageUrl.Parse($"file://{file.Path}"), new ImageAccess(Write: true), CancellationToken.None);
}
