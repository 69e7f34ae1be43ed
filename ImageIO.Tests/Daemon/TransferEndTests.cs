using System.Net;
using System.Text.RegularExpressions;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>The log lines at the end of transfers, tickets and the daemon itself (issue 15, D21).</summary>
public sealed partial class TransferEndTests : IAsyncLifetime
{
    private const int MiB = 1024 * 1024;

    private readonly DaemonFiles _files = new();

    private DaemonProcess Daemon { get; set; } = null!;

    public async Task InitializeAsync() => Daemon = await DaemonProcess.StartAsync(_files);

    public async Task DisposeAsync()
    {
        await Daemon.DisposeAsync();
        _files.Dispose();
    }

    // Five resets logged twelve ERRORs with stacks.
    [Theory(Timeout = 60_000)]
    [InlineData("remote")]
    [InlineData("local")]
    public async Task Client_that_leaves_a_download_by_reset_leaves_one_line_that_tells_how_far_it_came(string service)
    {
        const int Clients = 5;
        TestImage image = await AddAsync("left", 64 * MiB);
        for (int i = 0; i < Clients; i++)
        {
            RawClient client = service == "local"
                ? await RawClient.ConnectAsync(_files.LocalSocket)
                : await RawClient.ConnectTlsAsync(new Uri(Daemon.RemoteUrl).Port, _files.Certificate);
            await client.RequestAsync("GET", image.Url);
            for (int received = 0; received < (i * MiB) + 1;)
            {
                received += (await client.ReadAsync(64 * 1024)).Length;
            }

            client.Reset();
        }

        string[] ends = await EndsAsync("left", Clients);

        Assert.All(ends, end => Assert.Matches("^read ended at byte [0-9]+ of 67108864, the client left$", end));
        AssertNoStacks();
    }

    [Fact(Timeout = 60_000)]
    public async Task Upload_that_is_cut_is_told_from_one_that_is_complete()
    {
        TestImage image = await AddAsync("cut", 20 * MiB, "write");
        (await Daemon.Local.PutAsync(image.Url, new ByteArrayContent(new byte[MiB]))).EnsureSuccessStatusCode();
        using (RawClient client = await RawClient.ConnectAsync(_files.LocalSocket))
        {
            await client.RequestAsync("PUT", image.Url, $"Content-Length: {20 * MiB}");
            await client.SendAsync(new byte[4 * MiB]);
        }

        string[] cut = await EndsAsync("cut", 1);
        Daemon.Local.Dispose();
        string[] both = await EndsAsync("cut", 2);

        Assert.Equal("write ended at byte 4194304 of 20971520, the client left", Assert.Single(cut));
        Assert.Contains("complete", both);
        AssertNoStacks();
    }

    [Fact(Timeout = 60_000)]
    public async Task Cancelled_transfer_and_removed_ticket_are_named()
    {
        TestImage image = await AddAsync("cancelled", 64 * MiB);
        using RawClient client = await RawClient.ConnectAsync(_files.LocalSocket);
        await client.RequestAsync("GET", image.Url);
        await client.ReadAsync(1);
        Task<HttpResponseMessage> removed = Daemon.Control.DeleteAsync($"/tickets/{image.Id}");
        while (!removed.IsCompleted)
        {
            // It stops behind its current buffer, which a client must take.
            await client.ReadAsync(MiB);
        }

        string end = Assert.Single(await EndsAsync("cancelled", 1));

        Assert.Equal(HttpStatusCode.NoContent, (await removed).StatusCode);
        Assert.Matches("^read ended at byte [0-9]+ of 67108864, it was cancelled$", end);
        Assert.Contains("Transfer cancelled: ticket removed", _files.ReadLog(), StringComparison.Ordinal);
        AssertNoStacks();
    }

    [Fact(Timeout = 60_000)]
    public async Task Stop_is_told_from_its_begin_to_its_end()
    {
        TestImage image = await AddAsync("running", 64 * MiB);
        using RawClient client = await RawClient.ConnectAsync(_files.LocalSocket);
        await client.RequestAsync("GET", image.Url);
        await client.ReadAsync(1);
        Daemon.Signal(Signum.SIGTERM);
        await Eventually.HoldsAsync(
            () => _files.ReadLog().Contains("Draining: ", StringComparison.Ordinal), "it drains");
        while ((await client.ReadAsync(MiB)).Length > 0)
        {
        }

        (int status, _) = await Daemon.ExitAsync();

        Assert.Equal(0, status);
        string[] said = [.. Stages().Matches(_files.ReadLog()).Select(match => match.Value)];
        Assert.Equal(
            ["Stopping: no new connections to remote, local",
                "Draining: 1 running requests may go on for 5 s", "Drained", "Stopped"], said);
    }

    private async Task<TestImage> AddAsync(string transferId, int size, params string[] ops)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), _files.CreateSparseImage(size));
        await Daemon.InstallAsync(TicketBody.For(image.Id, image.Path, size, ops.Length > 0 ? ops : ["read"]).With(
            "transfer_id", transferId));
        return image;
    }

    // How the connections of a transfer ended, when there are so many.
    private async Task<string[]> EndsAsync(string transferId, int count)
    {
        string[] Ends() => [.. Summary().Matches(_files.ReadLog())
            .Where(match => match.Groups["transfer"].Value == transferId).Select(match => match.Groups["end"].Value)];
        await Eventually.HoldsAsync(() => Ends().Length == count, $"{count} connections have ended");
        return Ends();
    }

    private void AssertNoStacks()
    {
        string log = _files.ReadLog();
        Assert.DoesNotContain("ERROR", log, StringComparison.Ordinal);
        Assert.DoesNotContain("CRITICAL", log, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", log, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"Transfer (?<transfer>\S+): connection \S+ closed after .* s: (?<end>[^;]+);")]
    private static partial Regex Summary();

    [GeneratedRegex(@"Stopping: .*(?=\n)|Draining: .*(?=\n)|Drained|Stopped")]
    private static partial Regex Stages();
}
