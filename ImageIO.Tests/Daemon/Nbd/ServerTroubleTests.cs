using System.Net;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Daemon.Nbd;

/// <summary>Servers that are killed, hang, are full, or take few clients.</summary>
[Trait("Needs", "Qemu")]
public sealed class ServerTroubleTests(NbdDaemon nbd) : IClassFixture<NbdDaemon>
{
    private const int Timeout = 60_000;
    private const int Cluster = 65536;
    private const int Size = 64 * Cluster;
    private const int KillRounds = 4;

    [SkippableFact(Timeout = Timeout)]
    public async Task Unflushed_acknowledged_writes_of_a_killed_server_fail_the_flush_until_they_are_written_again()
    {
        const int Writes = 50;
        string disk = await nbd.Qcow2FileAsync(Size);
        await using NbdServer server = await nbd.QemuNbdAsync("--format=qcow2", disk);
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        for (int i = 0; i < Writes; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(i * Cluster, Filled(i), flush: false));
        }

        await server.KillAsync();
        await server.StartAgainAsync();

        Assert.Equal(HttpStatusCode.InternalServerError, await ticket.FlushAsync());
        Assert.Equal(HttpStatusCode.InternalServerError, await ticket.FlushAsync());
        for (int i = 0; i < Writes; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(i * Cluster, Filled(i), flush: false));
        }

        Assert.Equal(HttpStatusCode.OK, await ticket.FlushAsync());
        await server.KillAsync();
        await AssertHoldsAsync(disk, Enumerable.Range(0, Writes).ToDictionary(i => i, i => i));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Writes_that_a_client_left_unflushed_are_flushed_when_it_leaves()
    {
        string disk = await nbd.Qcow2FileAsync(Size);
        await using NbdServer server = await nbd.QemuNbdAsync("--format=qcow2", disk);
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        await PutAndLeaveAsync(ticket);
        Assert.Equal(HttpStatusCode.NoContent, await ticket.DeleteAsync());
        await server.KillAsync();
        await AssertHoldsAsync(disk, new() { [0] = 3 });
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task What_was_flushed_as_its_client_left_is_not_lost_with_a_later_clients_writes()
    {
        await using NbdServer server = await nbd.QemuNbdAsync("--format=qcow2", await nbd.Qcow2FileAsync(Size));
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        await PutAndLeaveAsync(ticket);
        Assert.Equal(HttpStatusCode.OK, await ticket.FlushAsync());
        Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(Cluster, Filled(1), flush: false));
        await server.KillAsync();
        await server.StartAgainAsync();
        Assert.Equal(HttpStatusCode.InternalServerError, await ticket.FlushAsync());

        Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(Cluster, Filled(1), flush: false));

        Assert.Equal(HttpStatusCode.OK, await ticket.FlushAsync());
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_server_that_was_killed_with_nothing_unflushed_costs_no_flush()
    {
        await using NbdServer server = await nbd.QemuNbdAsync("--format=qcow2", await nbd.Qcow2FileAsync(Size));
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(0, Filled(1)));

        await server.KillAsync();
        Assert.Equal(HttpStatusCode.InternalServerError, await ticket.TryGetAsync(0, 10));
        await server.StartAgainAsync();

        Assert.Equal(HttpStatusCode.PartialContent, await ticket.TryGetAsync(0, 10));
        Assert.Equal(HttpStatusCode.OK, await ticket.FlushAsync());
    }

    // IMAGEIO_NBD_KILLS=200 is the long form.
    [SkippableFact(Timeout = 3_600_000)]
    public async Task No_kill_at_any_moment_loses_what_a_successful_flush_promised()
    {
        int rounds = int.TryParse(Environment.GetEnvironmentVariable("IMAGEIO_NBD_KILLS"), out int given)
            ? given
            : KillRounds;
        var random = new Random();
        string disk = await nbd.Qcow2FileAsync(Size);
        await using NbdServer server = await nbd.QemuNbdAsync("--format=qcow2", disk);
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        int value = 0;
        for (int round = 0; round < rounds; round++)
        {
            Task kill = KillAfterAsync(server, TimeSpan.FromMilliseconds(random.NextDouble() * 60));
            var written = new Dictionary<int, int>();
            HttpStatusCode flush;
            do
            {
                await WriteSomeAsync(ticket, random, written, () => ++value % 251);
                flush = await ticket.FlushAsync();
            }
            while (flush == HttpStatusCode.OK && !kill.IsCompleted);
            await kill;
            if (flush == HttpStatusCode.OK)
            {
                await AssertHoldsAsync(disk, written);
            }

            await server.StartAgainAsync();
            await RewriteUntilFlushedAsync(ticket, written);
            await server.KillAsync();
            await AssertHoldsAsync(disk, written);
            await server.StartAgainAsync();
        }
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_server_that_hangs_is_given_up_in_time_and_the_ticket_can_be_removed()
    {
        await using NbdServer server = await nbd.QemuNbdAsync("--format=raw", nbd.RawFile(Size));
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        NbdTicket other = await nbd.InstallAsync(server, Size);
        Assert.Equal(HttpStatusCode.PartialContent, await ticket.TryGetAsync(0, 10));
        server.Suspend();
        try
        {
            Assert.Equal(HttpStatusCode.InternalServerError, await ticket.TryGetAsync(0, 10));
            Assert.Equal(HttpStatusCode.NoContent, await ticket.DeleteAsync());

            // It still accepts connections, and is silent: opening takes the connect timeout, not for ever.
            Assert.Equal(HttpStatusCode.InternalServerError, await other.TryGetAsync(0, 10));
        }
        finally
        {
            server.Resume();
        }

        Assert.Equal(HttpStatusCode.PartialContent, await other.TryGetAsync(0, 10));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Nine_clients_share_what_a_server_for_two_takes()
    {
        await using NbdServer server = await NbdServer.QemuNbdAsync(
            Path.GetDirectoryName(nbd.NewPath("x"))!, "--shared=2", "--format=raw", nbd.RawFile(Size));
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        byte[] content = Bytes.Random(Size);
        Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(0, content));

        await Task.WhenAll(Enumerable.Range(0, 9).Select(async _ =>
        {
            using HttpClient client = DaemonClients.OverTls(nbd.Daemon.RemotePort, nbd.Daemon.Files.Certificate);
            byte[] downloaded = await client.GetByteArrayAsync(ticket.Path);
            Bytes.AssertEqual(content, downloaded, "a client's download");
        }));
    }

    [SkippableTheory(Timeout = Timeout)]
    [InlineData(Size, HttpStatusCode.PartialContent)]
    [InlineData(2 * Size, HttpStatusCode.InternalServerError)]
    public async Task A_server_that_comes_back_serves_on_if_its_export_is_the_same(long size, HttpStatusCode expected)
    {
        string disk = nbd.RawFile(Size);
        await using NbdServer server = await nbd.QemuNbdAsync("--format=raw", disk);
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        Assert.Equal(HttpStatusCode.PartialContent, await ticket.TryGetAsync(0, 10));
        await server.StopAsync();
        using (FileStream file = File.OpenWrite(disk))
        {
            file.SetLength(size);
        }

        await server.StartAgainAsync();

        Assert.Equal(expected, await ticket.TryGetAsync(0, 10));
        Assert.Equal(expected, await ticket.TryGetAsync(0, 10));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task An_image_that_its_server_fails_to_open_is_500_with_a_hint_in_the_log()
    {
        // The socket is there before the image is opened, and stays when the server has failed at it.
        string socket = nbd.NewPath("sock");
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => SystemTool.RunAsync("qemu-nbd", $"--socket={socket}", "--format=qcow2", nbd.RawFile(Size)));
        NbdTicket ticket = await NbdTicket.InstallAsync(
            nbd.Daemon, Core.Backends.ImageUrl.Parse($"nbd:unix:{socket}"), Size);

        Assert.Equal(HttpStatusCode.InternalServerError, await ticket.TryGetAsync(0, 10));
        Assert.Contains(socket, nbd.Daemon.Files.ReadLog(), StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Nothing_is_left_of_images_that_failed_and_closed()
    {
        await using NbdServer server = await nbd.QemuNbdAsync("--format=raw", nbd.RawFile(Size));
        int before = OpenFiles.CountSockets(server.Id);
        for (int i = 0; i < 20; i++)
        {
            await UseAsync();
        }

        await Eventually.HoldsAsync(
            () => OpenFiles.CountSockets(server.Id) == before, "the server has no client any more");
        await Eventually.HoldsAsync(() => nbd.Daemon.Pool.RentedBytes == 0, "all buffers are given back");

        async Task UseAsync()
        {
            NbdTicket ticket = await nbd.InstallAsync(server, Size);
            Assert.Equal(HttpStatusCode.PartialContent, await ticket.TryGetAsync(0, 100_000));
            Assert.Equal(HttpStatusCode.NoContent, await ticket.DeleteAsync());
            NbdTicket missing = await NbdTicket.InstallAsync(
                nbd.Daemon, Core.Backends.ImageUrl.Parse($"{server.Url.Text}:exportname=x"), Size);
            Assert.Equal(HttpStatusCode.InternalServerError, await missing.TryGetAsync(0, 10));
            Assert.Equal(HttpStatusCode.NoContent, await missing.DeleteAsync());
        }
    }

    // The image closes with its last client.
    private async Task PutAndLeaveAsync(NbdTicket ticket)
    {
        using (HttpClient leaving = DaemonClients.OverTls(nbd.Daemon.RemotePort, nbd.Daemon.Files.Certificate))
        {
            using HttpResponseMessage put = await leaving.PutAsync(
                $"{ticket.Path}?flush=n", new ByteArrayContent(Filled(3)));
            Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        }

        await Eventually.HoldsAsync(
            async () => (await nbd.Daemon.GetTicketAsync(ticket.Id))["connections"]!.GetValue<int>() == 0,
            "the client has left");
    }

    private static byte[] Filled(int value) => [.. Enumerable.Repeat((byte)value, Cluster)];

    private static async Task KillAfterAsync(NbdServer server, TimeSpan delay)
    {
        await Task.Delay(delay);
        await server.KillAsync();
    }

    // Keeps the last bytes written to each cluster. A write that failed may be there or not, and is written again
    // later.
    private static async Task WriteSomeAsync(
        NbdTicket ticket, Random random, Dictionary<int, int> written, Func<int> next)
    {
        for (int i = 0; i < 3; i++)
        {
            int cluster = random.Next(Size / Cluster);
            written[cluster] = next();
            await ticket.PutAsync(cluster * Cluster, Filled(written[cluster]), flush: false);
        }
    }

    // As a client does after a failed flush: everything again.
    private static async Task RewriteUntilFlushedAsync(NbdTicket ticket, Dictionary<int, int> written)
    {
        HttpStatusCode flush = HttpStatusCode.InternalServerError;
        for (int attempt = 0; attempt < 3 && flush != HttpStatusCode.OK; attempt++)
        {
            foreach ((int cluster, int value) in written)
            {
                Assert.Equal(HttpStatusCode.OK, await PutAgainAsync(ticket, cluster, value));
            }

            flush = await ticket.FlushAsync();
        }

        Assert.Equal(HttpStatusCode.OK, flush);
    }

    // The first request may still find the connection that broke.
    private static async Task<HttpStatusCode> PutAgainAsync(NbdTicket ticket, int cluster, int value)
    {
        HttpStatusCode status = await ticket.PutAsync(cluster * Cluster, Filled(value), flush: false);
        return status == HttpStatusCode.OK
            ? status
            : await ticket.PutAsync(cluster * Cluster, Filled(value), flush: false);
    }

    private async Task AssertHoldsAsync(string disk, Dictionary<int, int> expected)
    {
        string raw = nbd.NewPath("raw");
        await SystemTool.RunAsync("qemu-img", "convert", "-U", "-O", "raw", disk, raw);
        byte[] content = await File.ReadAllBytesAsync(raw);
        File.Delete(raw);
        foreach ((int cluster, int value) in expected)
        {
            ReadOnlyMemory<byte> bytes = content.AsMemory(cluster * Cluster, Cluster);
            int other = bytes.Span.IndexOfAnyExcept((byte)value);
            Assert.True(
                other < 0,
                $"byte {other} of cluster {cluster} is {(other < 0 ? 0 : bytes.Span[other])}, expected {value}");
        }
    }
}
