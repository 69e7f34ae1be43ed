using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;

namespace ImageIO.Tests.Daemon.Nbd;

/// <summary>nbdkit's plugins and filters at the server, and their effect on a client of the daemon.</summary>
[Trait("Needs", "Qemu")]
public sealed class FilterTests(NbdDaemon nbd) : IClassFixture<NbdDaemon>
{
    private const int Timeout = 60_000;
    private const int Size = 1024 * 1024;

    [SkippableTheory(Timeout = Timeout)]
    [InlineData("ENOSPC", "pwrite", HttpStatusCode.InsufficientStorage)]
    [InlineData("EIO", "pwrite", HttpStatusCode.InternalServerError)]
    [InlineData("ENOSPC", "zero", HttpStatusCode.InsufficientStorage)]
    [InlineData("EIO", "pread", HttpStatusCode.InternalServerError)]
    [InlineData("EIO", "extents", HttpStatusCode.InternalServerError)]
    public async Task An_error_of_the_server_has_its_status_and_ends_with_its_cause(
        string error, string call, HttpStatusCode expected)
    {
        string cause = nbd.NewPath("cause");
        await File.WriteAllTextAsync(cause, "");
        await using NbdServer server = await nbd.NbdKitAsync(
            "--filter=error", "memory", $"{Size}", $"error={error}", $"error-{call}-rate=100%", $"error-file={cause}");
        NbdTicket ticket = await nbd.InstallAsync(server, Size);

        Assert.Equal(expected, await CallAsync(ticket, call));
        Assert.Equal(HttpStatusCode.OK, await ticket.FlushAsync());
        File.Delete(cause);
        Assert.True((int)await CallAsync(ticket, call) < 300);
        Assert.Contains(error, nbd.Daemon.Files.ReadLog(), StringComparison.Ordinal);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_server_that_shuts_down_during_requests_fails_them_and_the_next_one_is_served()
    {
        string cause = nbd.NewPath("cause");
        await File.WriteAllTextAsync(cause, "");
        await using NbdServer server = await nbd.NbdKitAsync(
            "--filter=error", "memory", $"{Size}", "error=ESHUTDOWN", "error-pread-rate=100%", $"error-file={cause}");
        NbdTicket ticket = await nbd.InstallAsync(server, Size);

        Assert.Equal(HttpStatusCode.InternalServerError, await ticket.TryGetAsync(0, 10));
        File.Delete(cause);
        Assert.Equal(HttpStatusCode.PartialContent, await ticket.TryGetAsync(0, 10));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_full_disk_is_507_and_reads_flushes_and_overwrites_go_on_working()
    {
        await using NbdServer server = await nbd.NbdKitAsync("full", $"{Size}");
        NbdTicket ticket = await nbd.InstallAsync(server, Size);

        Assert.Equal(HttpStatusCode.InsufficientStorage, await ticket.PutAsync(0, [1]));
        Assert.Equal(HttpStatusCode.OK, await ticket.FlushAsync());
        Assert.Equal(HttpStatusCode.PartialContent, await ticket.TryGetAsync(0, 10));
    }

    [SkippableTheory(Timeout = Timeout)]
    [InlineData("--filter=noextents")]
    [InlineData("--filter=nozero")]
    [InlineData("--filter=multi-conn", "multi-conn-mode=disable")]
    [InlineData("--filter=rate", "rate=200M")]
    [InlineData("--filter=delay", "rdelay=5ms", "wdelay=5ms")]
    [InlineData("--filter=fua", "fuamode=discard")]
    public async Task A_server_that_lacks_something_or_is_slow_is_served_all_the_same(
        string filter, params string[] options)
    {
        await using NbdServer server = await nbd.NbdKitAsync([filter, "memory", $"{Size}", .. options]);
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        byte[] content = Bytes.Random(Size - 100);

        Assert.Equal(HttpStatusCode.OK, await ticket.PutAsync(100, content));
        Assert.Equal(HttpStatusCode.OK, await ticket.ZeroAsync(1000, 100_000, flush: true));
        Array.Clear(content, 900, 100_000);
        await ticket.AssertHoldsAsync(100, content, "read back");
        Assert.NotEmpty(await ticket.ExtentsAsync());
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_server_that_pauses_less_than_the_limit_is_waited_for()
    {
        string control = nbd.NewPath("control");
        await using NbdServer server = await nbd.NbdKitAsync(
            "--filter=pause", "memory", $"{Size}", $"pause-control={control}");
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        await TellAsync(control, "p");
        Task<HttpStatusCode> get = ticket.TryGetAsync(0, 10);
        await TellAsync(control, "r");
        Assert.Equal(HttpStatusCode.PartialContent, await get);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task A_server_that_exits_after_its_first_client_is_missed_by_the_next_one_only()
    {
        await using NbdServer server = await nbd.NbdKitAsync("--filter=exitlast", "memory", $"{Size}");
        NbdTicket ticket = await nbd.InstallAsync(server, Size);
        Assert.Equal(HttpStatusCode.PartialContent, await ticket.TryGetAsync(0, 10));
        Assert.Equal(HttpStatusCode.NoContent, await ticket.DeleteAsync());
        await server.EndedAsync();

        NbdTicket late = await nbd.InstallAsync(server, Size);
        Assert.Equal(HttpStatusCode.InternalServerError, await late.TryGetAsync(0, 10));
    }

    // IMAGEIO_NBD_EXTENTS=1000000 is the long form: 2 million extents.
    [SkippableFact(Timeout = 600_000)]
    public async Task Very_many_extents_are_streamed_and_none_is_missing()
    {
        const int Piece = 64 * 1024;
        int lines = int.TryParse(Environment.GetEnvironmentVariable("IMAGEIO_NBD_EXTENTS"), out int given)
            ? given
            : 30_000;
        long size = 2L * lines * Piece;
        string list = nbd.NewPath("extents");
        await WriteExtentListAsync(list, lines, Piece);
        await using NbdServer server = await nbd.NbdKitAsync(
            "--filter=extentlist", "null", $"{size.ToString(CultureInfo.InvariantCulture)}", $"extentlist={list}");
        NbdTicket ticket = await nbd.InstallAsync(server, size, "read");

        string extents = await nbd.Daemon.Remote.GetStringAsync($"{ticket.Path}/extents");

        Assert.Equal(2 * lines, extents.Count(c => c == '{'));
        string first = Describe(0, zero: true);
        string second = Describe(Piece, zero: false);
        string last = Describe(size - Piece, zero: false);
        Assert.StartsWith($"[{first},{second},", extents, StringComparison.Ordinal);
        Assert.EndsWith($",{last}]\n", extents, StringComparison.Ordinal);

        string Describe(long start, bool zero) =>
            $$"""{"start":{{start}},"length":{{Piece}},"zero":{{(zero ? "true" : "false")}},"hole":false}""";
    }

    // Holes are named, too: nbdkit takes minutes to find out a million of them.
    private static async Task WriteExtentListAsync(string path, int lines, long piece)
    {
        var text = new StringBuilder(lines * 64);
        for (long i = 0; i < lines; i++)
        {
            long start = 2 * i * piece;
            text.Append(CultureInfo.InvariantCulture, $"{start} {piece} hole,zero\n{start + piece} {piece}\n");
        }

        await File.WriteAllTextAsync(path, text.ToString());
    }

    private static async Task TellAsync(string control, string what)
    {
        using var socket = new Socket(
            AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(control));
        await socket.SendAsync(Encoding.ASCII.GetBytes(what));
        Assert.Equal(1, await socket.ReceiveAsync(new byte[1]));
    }

    private static async Task<HttpStatusCode> CallAsync(NbdTicket ticket, string call) => call switch
    {
        "pwrite" => await ticket.PutAsync(5, [1, 2, 3]),
        "zero" => await ticket.ZeroAsync(5, 1000),
        "pread" => await ticket.TryGetAsync(5, 1000),
        _ => await ticket.TryExtentsAsync("zero"),
    };
}
