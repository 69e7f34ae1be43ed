using System.Net;
using System.Net.Sockets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// A daemon with 400 descriptors, files of at most 8 MiB and a heap of 384 MiB: a burst is refused or waits, and
/// everything is as before within five seconds when it is over (issue 15, B11, B12 and B13).
/// </summary>
public sealed class ScarceResourcesTests(ScarceDaemon daemon) : IClassFixture<ScarceDaemon>
{
    private const int MiB = 1024 * 1024;

    [SkippableFact(Timeout = 60_000)]
    public async Task Burst_of_clients_beyond_the_descriptors_is_over_when_it_is_over()
    {
        await daemon.RequireAsync();
        TestImage image = await daemon.Process.AddImageAsync(Bytes.Random(MiB), "read");

        // All connect at once. Most wait in the backlog until others have gone; those that are too slow, on a busy
        // machine, to begin their handshake or to send their request are turned away and try again.
        int[] lengths = await Task.WhenAll(Enumerable.Range(0, 400).Select(async _ =>
        {
            using HttpClient client = DaemonClients.OverTls(daemon.Port, daemon.Files.Certificate);
            while (true)
            {
                try
                {
                    return (await client.GetByteArrayAsync($"{image.Url}?close=y")).Length;
                }
                catch (HttpRequestException e) when (e.StatusCode is null)
                {
                }
            }
        }));

        Assert.All(lengths, length => Assert.Equal(MiB, length));
        await daemon.AssertServesAsync();
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Silent_connections_lock_nobody_out()
    {
        await daemon.RequireAsync();
        var silent = new List<Socket>();
        for (int i = 0; i < 500; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, daemon.Port);
            silent.Add(socket);
        }

        // At once, while they are all there.
        await daemon.AssertServesAsync();

        silent.ForEach(socket => socket.Dispose());
    }

    // Idle ones that have made the handshake make room, too.
    [SkippableFact(Timeout = 60_000)]
    public async Task Idle_connections_without_an_image_lock_nobody_out()
    {
        await daemon.RequireAsync();
        var idle = new List<RawClient>();
        for (int i = 0; i < 130; i++)
        {
            RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
            idle.Add(client);
            await client.AssertOpenAsync();
        }

        await daemon.AssertServesAsync();

        idle.ForEach(client => client.Dispose());
    }

    // Code that is loaded for the first time while no descriptor is left fails for the life of the process.
    [SkippableFact(Timeout = 60_000)]
    public async Task Nothing_that_a_request_needs_is_loaded_later_than_with_the_first_connection()
    {
        await daemon.RequireAsync();
        HttpClient client = daemon.Process.Local;
        TestImage image = await daemon.Process.AddImageAsync(Bytes.Random(100_000));
        string forwarded = Guid.NewGuid().ToString();
        await daemon.Process.InstallAsync(
            TicketBody.For(forwarded, "/x", 1).With("url", "https://localhost:1/images/x"));
        HashSet<string> before = daemon.Assemblies();

        foreach (string target in (string[])
        [
            image.Url, $"{image.Url}/extents", $"{image.Url}/checksum", $"{image.Url}/checksum?algorithm=sha3_256",
            $"{image.Url}/checksum?block_size=1", "/images/none/extent", $"/images/{forwarded}",
        ])
        {
            (await client.GetAsync(target)).Dispose();
        }

        foreach (string body in (string[])["""{"op": "zero", "size": 10}""", """{"op": "flush"}""", "{", "[]"])
        {
            (await client.PatchAsync(image.Url, new StringContent(body))).Dispose();
        }

        using (var put = new HttpRequestMessage(HttpMethod.Put, image.Url)
        {
            Content = new ByteArrayContent(new byte[1000]),
        })
        {
            put.Headers.TryAddWithoutValidation("Content-Digest", "sha-256=:AAAA:");
            (await client.SendAsync(put)).Dispose();
        }

        (await client.SendAsync(new HttpRequestMessage(HttpMethod.Options, image.Url))).Dispose();
        (await client.SendAsync(new HttpRequestMessage(HttpMethod.Options, "/images/*"))).Dispose();
        (await daemon.Process.Control.GetAsync("/metrics")).Dispose();
        (await daemon.Process.Control.GetAsync("/tickets")).Dispose();
        File.Delete(image.Path);
        using RawClient other = await RawClient.ConnectTlsAsync(daemon.Port, daemon.Files.Certificate);
        await other.RequestAsync("GET", image.Url);
        await other.ReceiveAsync();

        Assert.Empty(daemon.Assemblies().Except(before));
    }

    [SkippableFact(Timeout = 60_000)]
    public async Task Write_beyond_the_largest_file_is_an_answer_and_not_the_end()
    {
        await daemon.RequireAsync();
        var image = new TestImage(Guid.NewGuid().ToString(), daemon.Files.CreateImage([]));
        await daemon.Process.InstallAsync(TicketBody.For(image.Id, image.Path, 16 * MiB));

        using HttpResponseMessage beyond = await daemon.Process.Local.PutAsync(
            image.Url, new ByteArrayContent(new byte[9 * MiB]));
        using HttpResponseMessage within = await daemon.Process.Local.PutAsync(
            image.Url, new ByteArrayContent(new byte[MiB]));

        Assert.True(beyond.StatusCode is HttpStatusCode.InsufficientStorage
            or HttpStatusCode.InternalServerError, $"{beyond.StatusCode}");
        Assert.Equal(HttpStatusCode.OK, within.StatusCode);
        await daemon.AssertServesAsync();
    }

    // A refused thread ended the process: one for storage, and one that the runtime's own pool wanted.
    [SkippableFact(Timeout = 60_000)]
    [Trait("Needs", "Root")]
    public async Task Threads_that_the_system_refuses_are_done_without()
    {
        await daemon.RequireAsync();
        TestImage[] images = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => daemon.Process.AddImageAsync(new byte[MiB])));
        // Storage may have one more thread, and needs a dozen.
        using (PidsLimit? limit = PidsLimit.TrySet(daemon.Process.Id, more: 1))
        {
            Skip.If(limit is null, "Needs control groups that we may make");
            HttpStatusCode[] statuses = await Task.WhenAll(images.Select(async image =>
            {
                using HttpClient client = DaemonClients.OverTls(daemon.Port, daemon.Files.Certificate);
                using HttpResponseMessage put = await client.PutAsync(
                    image.Url, new ByteArrayContent(Bytes.Random(MiB)));
                return put.StatusCode;
            }));

            Assert.All(statuses, status => Assert.Equal(HttpStatusCode.OK, status));
        }

        await daemon.AssertServesAsync();
    }

    // With exactly one descriptor free, the new connection took it, the certificate could not be read, and was never
    // tried again.
    [SkippableTheory(Timeout = 60_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Certificate_that_could_not_be_read_for_want_of_descriptors_is_read_when_there_are_some(
        bool bySignal)
    {
        await daemon.RequireAsync();
        TestCertificate current = daemon.Files.Certificate;
        string[] old = [await File.ReadAllTextAsync(current.CertificateFile),
            await File.ReadAllTextAsync(current.KeyFile)];
        var renewed = new TestCertificate(
            Directory.CreateDirectory(Path.Combine(daemon.Files.Path, $"renewed-{bySignal}")).FullName);

        await daemon.LeaveDescriptorsAsync(1);
        try
        {
            File.Copy(renewed.CertificateFile, current.CertificateFile, overwrite: true);
            File.Copy(renewed.KeyFile, current.KeyFile, overwrite: true);
            await daemon.LogsAfterAsync(ConnectAsync, "Cannot use the changed TLS files");
        }
        finally
        {
            await daemon.LeaveDescriptorsAsync(null);
        }

        await daemon.LogsAfterAsync(bySignal ? Signal : ConnectAsync, "New TLS certificate");

        await File.WriteAllTextAsync(current.CertificateFile, old[0]);
        await File.WriteAllTextAsync(current.KeyFile, old[1]);
        await daemon.AssertServesAsync();

        Task Signal()
        {
            daemon.Process.Signal(Mono.Unix.Native.Signum.SIGHUP);
            return Task.CompletedTask;
        }
    }

    // A client that begins a handshake, and no more.
    private async Task ConnectAsync()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, daemon.Port);
        await socket.SendAsync(new byte[] { 22 });
        await socket.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromMilliseconds(200)).ContinueWith(
            _ => { }, TaskScheduler.Default);
    }
}
