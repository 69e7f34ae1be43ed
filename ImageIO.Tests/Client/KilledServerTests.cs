using ImageIO.Client.Copying;
using ImageIO.Client.Transport;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;
using Mono.Unix.Native;

namespace ImageIO.Tests.Client;

/// <summary>
/// SIGKILL of a real qemu-nbd and of a real daemon in the middle of transfers (client.md sections 6 and 10).
/// </summary>
[Collection(RunningDaemon.Collection)]
[Trait("Needs", "Qemu")]
public sealed class KilledServerTests(RunningDaemon daemon) : IDisposable
{
    private const int Size = 8 * 1024 * 1024;

    private static readonly byte[] Content = Bytes.Random(Size);

    private static readonly CopyOptions Options = new()
    {
        RetryDelay = TimeSpan.FromMilliseconds(
            200),
        Retries = 30,
        BufferSize = 256 * 1024,
        BytesPerSecond = 40_000_000,
        FlushBytes = 2 * 1024 * 1024,
    };

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    // qemu-nbd keeps tables of qcow2 in memory: what was answered and not flushed is lost with it.
    [SkippableTheory(Timeout = 60_000)]
    [InlineData(10, false)]
    [InlineData(50, true)]
    [InlineData(90, false)]
    public async Task Qemu_nbd_killed_in_an_upload_costs_nothing_but_time(int percent, bool verifies)
    {
        QemuImg.Require();
        string image = _directory.File("disk.qcow2");
        await QemuImg.RunAsync("create", "-q", "-f", "qcow2", image, $"{Size}");
        await using NbdServer nbd = await NbdServer.QemuNbdAsync(
            _directory.Path, "--shared=8", "--format=qcow2", image);
        await using TransferClient client = await OpenAsync(nbd, "write");
        await using var kill = new OnceAt(percent, async () =>
        {
            await nbd.KillAsync();
            await nbd.StartAgainAsync();
        });

        await Copier.UploadAsync(
            new BytesSource(Content), client, Options with { Verifies = verifies }, kill, CancellationToken.None);
        await kill.HappenedAsync();
        // Not stopped in order: the image must be whole without what a server does at its end.
        await nbd.KillAsync();

        await QemuImg.CompareAsync("qcow2", image, "raw", _directory.Create("content.raw", Content));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Qemu_nbd_killed_in_a_download_costs_nothing_but_time()
    {
        QemuImg.Require();
        string image = _directory.File("disk.qcow2");
        await QemuImg.RunAsync("convert", "-f", "raw", "-O", "qcow2", _directory.Create("content.raw", Content), image);
        await using NbdServer nbd = await NbdServer.QemuNbdAsync(
            _directory.Path, "--shared=8", "--read-only", "--format=qcow2", image);
        await using TransferClient client = await OpenAsync(nbd, "read");
        await using var kill = new OnceAt(40, async () =>
        {
            await nbd.KillAsync();
            await nbd.StartAgainAsync();
        });
        var target = new BytesSource(new byte[Size]);

        await Copier.DownloadAsync(client, target, Options with { Verifies = true }, kill, CancellationToken.None);

        await kill.HappenedAsync();
        Bytes.AssertEqual(Content, target.Bytes, "the download");
    }

    // A manager that installs the ticket again, before the client is back.
    [Theory(Timeout = 60_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Daemon_killed_and_started_again_with_the_ticket_goes_on_with_what_is_left(bool isUpload)
    {
        using var files = new DaemonFiles();
        DaemonProcess first = await DaemonProcess.StartAsync(files);
        DaemonProcess? second = null;
        try
        {
            TestImage image = await first.AddImageAsync(
                isUpload ? new byte[Size] : Content, isUpload ? "write" : "read");
            using var up = new ManualResetEventSlim(initialState: true);
            await using var relay = new Relay(files.LocalSocket, () =>
            {
                // Until the ticket is there again, the network is.
                up.Wait();
                return new RelayTrouble();
            });
            await using TransferClient client = await TransferClient.OpenAsync(
                relay.Url + image.Url, new TransferClientOptions { UsesUnixSocket = false }, CancellationToken.None);
            await using var kill = new OnceAt(50, async () =>
            {
                up.Reset();
                try
                {
                    first.Signal(Signum.SIGKILL);
                    await first.ExitAsync();
                    // The next log file shows that the next server is up.
                    File.Delete(files.LogFile);
                    second = await DaemonProcess.StartAsync(files);
                    await second.InstallAsync(TicketBody.For(image.Id, image.Path, Size, isUpload ? "write" : "read"));
                }
                finally
                {
                    up.Set();
                }
            });
            var target = new BytesSource(new byte[Size]);

            await (isUpload
                ? Copier.UploadAsync(
                    new BytesSource(Content), client, Options with { Verifies = true }, kill, CancellationToken.None)
                : Copier.DownloadAsync(client, target, Options with { Verifies = true }, kill, CancellationToken.None));

            await kill.HappenedAsync();
            Bytes.AssertEqual(Content, isUpload ? image.Content : target.Bytes, "the image");
            // At most what each of 4 connections had under way, and what no flush had covered, is moved twice.
            Assert.InRange(kill.Last.Sent, Size, Size + (Size / 2));
        }
        finally
        {
            await first.DisposeAsync();
            if (second is not null)
            {
                await second.DisposeAsync();
            }
        }
    }

    private async Task<TransferClient> OpenAsync(NbdServer nbd, string ops)
    {
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, "", Size, ops).With("url", nbd.Url.Text));
        return await TransferClient.OpenAsync(
            $"{daemon.Process.RemoteUrl}/images/{id}",
            new TransferClientOptions { CaFile = daemon.Files.Certificate.CertificateFile },
            CancellationToken.None);
    }

    // Does something once when so much is through, beside the copy.
    private sealed class OnceAt(int percent, Func<Task> what) : IProgress<TransferProgress>, IAsyncDisposable
    {
        private int _isBegun;
        private Task? _task;

        public TransferProgress Last { get; private set; }

        public void Report(TransferProgress value)
        {
            Last = value;
            if (value.Transferred * 100 >= value.Size * percent && Interlocked.Exchange(ref _isBegun, 1) == 0)
            {
                _task = Task.Run(what);
            }
        }

        public Task HappenedAsync() => _task ?? throw new InvalidOperationException("It never came to it.");

        public async ValueTask DisposeAsync() => await (_task ?? Task.CompletedTask);
    }
}
