using System.Net;
using System.Net.Sockets;
using ImageIO.Client;
using ImageIO.Client.Copying;
using ImageIO.Client.Transport;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Client;

/// <summary>The library against the real daemon: whole images, sparse, over TLS and the Unix socket.</summary>
[Collection(RunningDaemon.Collection)]
public sealed class TransferTests(RunningDaemon daemon)
{
    private const int Size = 11 * 1024 * 1024 + 512;

    private TransferClientOptions Options => new() { CaFile = daemon.Files.Certificate.CertificateFile };

    [Theory(Timeout = 30_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Image_goes_up_and_comes_down_the_same_and_is_verified(bool unixSocket)
    {
        byte[] content = Sparse();
        TestImage image = await daemon.AddImageAsync([]);
        await daemon.InstallAsync(TicketBody.For(image.Id, image.Path, Size, "write"));
        await using TransferClient client = await OpenAsync(image, Options with { UsesUnixSocket = unixSocket });
        var verified = new CopyOptions { Verifies = true };

        await Copier.UploadAsync(new BytesSource(content), client, verified, null, CancellationToken.None);
        var target = new BytesSource(Bytes.Random(Size));
        await client.RefreshSizeAsync(CancellationToken.None);
        await Copier.DownloadAsync(client, target, verified, null, CancellationToken.None);

        Assert.Equal(unixSocket, client.IsOverUnixSocket);
        Bytes.AssertEqual(content, image.Content, "the upload");
        Bytes.AssertEqual(content, target.Bytes, "the download");
    }

    [Fact(Timeout = 30_000)]
    public async Task Zeroes_inside_data_are_not_sent()
    {
        byte[] content = Sparse();
        TestImage image = await daemon.AddImageAsync(Bytes.Random(Size));
        await using TransferClient client = await OpenAsync(image, Options);
        TransferProgress last = default;

        await Copier.UploadAsync(
            new BytesSource(content),
            client, new CopyOptions { MaxWorkers = 1 }, new Told(progress => last = progress), CancellationToken.None);

        Bytes.AssertEqual(content, image.Content, "the image");
        Assert.Equal(Size, last.Transferred);
        Assert.InRange(last.Sent, 4_000_000, 7_500_000);
    }

    [Fact(Timeout = 30_000)]
    public async Task Skipped_zeroes_at_the_end_of_a_growing_file_still_belong_to_it()
    {
        byte[] content = Bytes.Random(2_000_000);
        content.AsSpan(1_000_000).Clear();
        TestImage image = await daemon.AddImageAsync([]);
        await daemon.InstallAsync(TicketBody.For(image.Id, image.Path, content.Length, "write"));
        await using TransferClient client = await OpenAsync(image, Options);

        await Copier.UploadAsync(
            new BytesSource(content),
            client, new CopyOptions { IsDestinationZero = true, Verifies = true }, null, CancellationToken.None);

        Bytes.AssertEqual(content, image.Content, "the image");
    }

    [Theory(Timeout = 30_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rest_of_a_larger_disk_is_zeroed_unless_it_shall_stay(bool keepsRest)
    {
        byte[] old = Bytes.Random(Size);
        byte[] content = Bytes.Random(1_000_000, seed: 2);
        TestImage image = await daemon.AddImageAsync(old);
        await using TransferClient client = await OpenAsync(image, Options);

        await Copier.UploadAsync(
            new BytesSource(content),
            client, new CopyOptions { KeepsRest = keepsRest, Verifies = !keepsRest }, null, CancellationToken.None);

        byte[] expected = keepsRest ? [.. content,
            .. old[content.Length..]] : [.. content, .. new byte[Size - content.Length]];
        Bytes.AssertEqual(expected, image.Content, "the image");
    }

    [Fact(Timeout = 30_000)]
    public async Task Image_larger_than_the_ticket_is_refused_before_a_byte_is_sent()
    {
        TestImage image = await daemon.AddImageAsync([1, 2, 3]);
        await using TransferClient client = await OpenAsync(image, Options);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => Copier.UploadAsync(
            new BytesSource(new byte[4]), client, null, null, CancellationToken.None));

        Assert.Equal(TransferError.RangeNotSatisfiable, e.Error);
        Assert.Equal([1, 2, 3], image.Content);
    }

    [Fact(Timeout = 30_000)]
    public async Task Holes_of_a_topmost_layer_leave_what_is_below()
    {
        byte[] below = Bytes.Random(300_000);
        TestImage image = await daemon.AddImageAsync(below);
        await using TransferClient client = await OpenAsync(image, Options);
        byte[] layer = Bytes.Random(300_000, seed: 2);
        layer.AsSpan(200_000).Clear();
        var source = new BytesSource(
            layer,
            new Extent(new ByteRange(0, 100_000), ExtentFlags.Zero | ExtentFlags.Hole),
            new Extent(new ByteRange(100_000, 200_000), ExtentFlags.None),
            new Extent(new ByteRange(200_000, 250_000), ExtentFlags.Zero),
            new Extent(new ByteRange(250_000, 300_000), ExtentFlags.Zero | ExtentFlags.Hole));

        await Copier.UploadAsync(source, client, new CopyOptions { KeepsHoles = true }, null, CancellationToken.None);

        byte[] expected = [.. below[..100_000], .. layer[100_000..250_000], .. below[250_000..]];
        Bytes.AssertEqual(expected, image.Content, "the image");
    }

    [SkippableFact(Timeout = 30_000)]
    [Trait("Needs", "Root")]
    public async Task Download_to_a_device_full_of_old_bytes_zeroes_what_is_zero()
    {
        Skip.If(LoopDevice.WhyNot is not null, LoopDevice.WhyNot);
        byte[] content = Sparse();
        TestImage image = await daemon.AddImageAsync(content, "read");
        using var directory = new ImageDirectory();
        string file = directory.Create("device", Bytes.Random(Size + 512 - (Size % 512) + 4096));
        await using (LoopDevice device = await LoopDevice.CreateOnAsync(file))
        {
            await using TransferClient client = await OpenAsync(image, Options);
            ImageTarget target = await ImageTarget.CreateAsync(device.Path, Size, null, CancellationToken.None);
            await Copier.DownloadAsync(
                client, target.Backend,
                new CopyOptions { IsDestinationZero = target.IsZero, Verifies = true }, null, CancellationToken.None);
            await target.CompleteAsync(CancellationToken.None);
        }

        byte[] written = await File.ReadAllBytesAsync(file);
        Bytes.AssertEqual(content, written.AsSpan(0, Size), "the device");
    }

    [Fact(Timeout = 30_000)]
    public async Task Interrupted_upload_goes_on_where_it_was_and_sends_the_rest_only()
    {
        using var directory = new ImageDirectory();
        byte[] content = Bytes.Random(Size);
        TestImage image = await daemon.AddImageAsync(new byte[Size]);
        var options = new CopyOptions
        {
            ResumeFile = directory.File("state"),
            ResumeIdentity = "it",
            MaxWorkers = 2,
            BufferSize = 256 * 1024,
            Verifies = true,
        };
        await using TransferClient client = await OpenAsync(image, Options);
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Copier.UploadAsync(
            new BytesSource(content),
            client,
            options with { BytesPerSecond = 20_000_000 },
            new Told(progress => Stop(progress.Transferred > Size / 2, stop)),
            stop.Token));
        Assert.DoesNotContain(image.Id, await File.ReadAllTextAsync(directory.File("state")), StringComparison.Ordinal);
        TransferException other = await Assert.ThrowsAsync<TransferException>(() => Copier.UploadAsync(
            new BytesSource(content),
            client, options with { ResumeIdentity = "another" }, null, CancellationToken.None));
        TransferProgress last = default;
        await Copier.UploadAsync(
            new BytesSource(content), client, options, new Told(progress => last = progress), CancellationToken.None);

        Assert.Contains("another local file", other.Message, StringComparison.Ordinal);
        Bytes.AssertEqual(content, image.Content, "the image");
        Assert.InRange(last.Sent, 1, Size * 3 / 4);
        Assert.False(File.Exists(directory.File("state")));
    }

    [Fact(Timeout = 30_000)]
    public async Task Interrupted_download_goes_on_where_it_was()
    {
        using var directory = new ImageDirectory();
        byte[] content = Bytes.Random(Size);
        TestImage image = await daemon.AddImageAsync(content, "read");
        var options = new CopyOptions
        {
            ResumeFile = directory.File("state"),
            MaxWorkers = 2,
            BufferSize = 256 * 1024,
            Verifies = true,
        };
        await using TransferClient client = await OpenAsync(image, Options);
        var target = new BytesSource(new byte[Size]);
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Copier.DownloadAsync(
            client,
            target,
            options with { BytesPerSecond = 20_000_000 },
            new Told(progress => Stop(progress.Transferred > Size / 2, stop)),
            stop.Token));
        TransferProgress last = default;
        await Copier.DownloadAsync(
            client, target, options, new Told(progress => last = progress), CancellationToken.None);

        Bytes.AssertEqual(content, target.Bytes, "the download");
        Assert.InRange(last.Sent, 1, Size * 3 / 4);
    }

    [Fact(Timeout = 30_000)]
    public async Task Proxy_is_used_when_the_host_is_out_of_reach_and_never_after_an_answer()
    {
        TestImage image = await daemon.AddImageAsync([1, 2, 3], "read");
        int nobody = FreePort();

        await using TransferClient client = await TransferClient.OpenAsync(
            $"https://127.0.0.1:{nobody}/images/{image.Id}",
            Options with { ProxyUrl = $"https://127.0.0.1:{daemon.RemotePort}{image.Url}" },
            CancellationToken.None);
        TransferException refused = await Assert.ThrowsAsync<TransferException>(() => TransferClient.OpenAsync(
            $"https://127.0.0.1:{daemon.RemotePort}/images/unknown",
            Options with { ProxyUrl = $"https://127.0.0.1:{daemon.RemotePort}{image.Url}" },
            CancellationToken.None));

        Assert.Equal(3, client.Size);
        Assert.Equal(TransferError.OperationNotPermitted, refused.Error);
    }

    [Fact(Timeout = 30_000)]
    public async Task Certificate_of_another_authority_is_refused_and_accepted_only_when_told_so()
    {
        TestImage image = await daemon.AddImageAsync([1], "read");

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => OpenAsync(image, new TransferClientOptions()));
        await using TransferClient client = await OpenAsync(image, new TransferClientOptions { IsInsecure = true });

        Assert.Equal(TransferError.UpstreamUnreachable, e.Error);
        Assert.Contains("not trusted", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, client.Size);
    }

    [Theory]
    [InlineData("http://192.0.2.1/images/x", "Without TLS")]
    [InlineData("ftp://host/images/x", "must be like")]
    [InlineData("https://host/images/x?session_id=1", "without a query")]
    [InlineData("host:54322/images/x", "must be like")]
    public async Task Url_that_is_none_is_refused_without_its_secret(string url, string text)
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => TransferClient.OpenAsync(url, null, CancellationToken.None));

        Assert.Equal(TransferError.InvalidRequest, e.Error);
        Assert.Contains(text, e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Single_requests_read_write_zero_and_tell_extents_and_checksum()
    {
        TestImage image = await daemon.AddImageAsync(new byte[100_000]);
        await using TransferClient client = await OpenAsync(image, Options);
        byte[] read = new byte[200];

        await client.WriteAsync(Bytes.Random(100), 50, CancellationToken.None);
        await client.ZeroAsync(60, 10, CancellationToken.None);
        await client.FlushAsync(CancellationToken.None);
        await client.ReadAsync(read, 0, CancellationToken.None);
        long end = 0;
        await foreach (Extent extent in client.ExtentsAsync(ExtentContext.Zero, CancellationToken.None))
        {
            end = extent.Range.End;
        }

        Bytes.AssertEqual(image.Content.AsSpan(0, 200), read, "what was read");
        Assert.Equal(100_000, end);
        Assert.Equal("blake2b", (await client.ChecksumAsync()).Algorithm);
    }

    private Task<TransferClient> OpenAsync(TestImage image, TransferClientOptions options) => TransferClient.OpenAsync(
        $"https://127.0.0.1:{daemon.RemotePort}{image.Url}", options, CancellationToken.None);

    private static byte[] Sparse()
    {
        byte[] content = Bytes.Random(Size);
        content.AsSpan(1_000_000, 3_000_000).Clear();
        content.AsSpan(5 * 1024 * 1024, 2 * 1024 * 1024).Clear();
        return content;
    }

    private static void Stop(bool condition, CancellationTokenSource stop)
    {
        if (condition)
        {
            stop.Cancel();
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed class Told(Action<TransferProgress> tell) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value) => tell(value);
    }
}
