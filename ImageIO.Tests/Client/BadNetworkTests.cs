using System.Globalization;
using ImageIO.Client.Copying;
using ImageIO.Client.Transport;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Client;

/// <summary>
/// Transfers with the real daemon over a network that cuts, delays and changes bytes (client.md section 10).
/// </summary>
[Collection(RunningDaemon.Collection)]
public sealed class BadNetworkTests(RunningDaemon daemon)
{
    private const int Size = 5 * 1024 * 1024;

    private static readonly CopyOptions Fast =
        new() { RetryDelay = TimeSpan.FromMilliseconds(2), Retries = 30, BufferSize = 256 * 1024 };

    [Fact(Timeout = 60_000)]
    public async Task Image_gets_through_a_network_that_cuts_and_delays_both_ways()
    {
        var random = new Random(11);
        byte[] content = Bytes.Random(Size);
        TestImage image = await daemon.AddImageAsync(new byte[Size]);
        await using var relay = new Relay(daemon.Files.LocalSocket, () => Next(random, flips: false));
        await using TransferClient client = await OpenAsync(relay, image);
        var target = new BytesSource(new byte[Size]);

        await Copier.UploadAsync(new BytesSource(content), client, Fast, null, CancellationToken.None);
        await Copier.DownloadAsync(client, target, Fast, null, CancellationToken.None);

        Bytes.AssertEqual(content, image.Content, "the upload");
        Bytes.AssertEqual(content, target.Bytes, "the download");
        Assert.True(relay.Troubles > 5, $"{relay.Troubles} cuts");
    }

    // A changed byte of data is found by the request's digest; one of a head may be found only by the checksum at the
    // end.
    [Fact(Timeout = 120_000)]
    public async Task Changed_bytes_are_sent_again_or_told_never_kept_in_silence()
    {
        int rounds = int.Parse(
            Environment.GetEnvironmentVariable("IMAGEIO_CLIENT_ROUNDS") ?? "6", CultureInfo.InvariantCulture);
        int flips = 0;
        for (int round = 0; round < rounds; round++)
        {
            var random = new Random(round);
            byte[] content = Bytes.Random(Size / 4, round);
            TestImage image = await daemon.AddImageAsync(new byte[content.Length]);
            await using var relay = new Relay(daemon.Files.LocalSocket, () => Next(random, flips: true));
            try
            {
                await using TransferClient client = await OpenAsync(relay, image);
                await Copier.UploadAsync(
                    new BytesSource(content), client, Fast with { Verifies = true }, null, CancellationToken.None);
                Bytes.AssertEqual(content, image.Content, $"round {round}");
            }
            catch (TransferException)
            {
                // Told.
            }

            flips += relay.Troubles;
        }

        Assert.True(flips > 0);
    }

    [Fact(Timeout = 60_000)]
    public async Task Daemon_that_is_killed_ends_the_copy_with_a_reason()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess own = await DaemonProcess.StartAsync(files);
        TestImage image = await own.AddImageAsync(new byte[Size]);
        await using TransferClient client = await TransferClient.OpenAsync(
            $"{own.RemoteUrl}{image.Url}",
            new TransferClientOptions { CaFile = files.Certificate.CertificateFile }, CancellationToken.None);
        bool killed = false;

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => Copier.UploadAsync(
            new BytesSource(Bytes.Random(Size)),
            client,
            Fast with { Retries = 3, BytesPerSecond = 5_000_000 },
            new Watcher(progress =>
            {
                if (progress.Transferred > Size / 4 && !Interlocked.Exchange(ref killed, true))
                {
                    own.Signal(Mono.Unix.Native.Signum.SIGKILL);
                }
            }),
            CancellationToken.None));

        Assert.Equal(TransferError.UpstreamUnreachable, e.Error);
    }

    private static RelayTrouble Next(Random random, bool flips)
    {
        lock (random)
        {
            return flips
                ? new RelayTrouble(FlipAt: random.Next(2) == 0 ? random.Next(1_000_000) : null)
                : new RelayTrouble(
                    CutAt: random.Next(4) > 0 ? random.Next(10_000, 2_000_000) : null,
                    Delay: TimeSpan.FromMilliseconds(random.Next(4) == 0 ? 1 : 0));
        }
    }

    private static Task<TransferClient> OpenAsync(Relay relay, TestImage image) => TransferClient.OpenAsync(
        relay.Url + image.Url, new TransferClientOptions { UsesUnixSocket = false }, CancellationToken.None);

    private sealed class Watcher(Action<TransferProgress> watch) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value) => watch(value);
    }
}
