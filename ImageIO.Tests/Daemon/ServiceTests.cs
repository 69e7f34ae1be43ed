using System.Diagnostics;
using System.Text.Json.Nodes;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>Where the services listen, and how they begin and end (daemon-api section 1).</summary>
public sealed class ServiceTests
{
    [Theory(Timeout = 20_000)]
    [InlineData("::")]
    [InlineData("")]
    public async Task Remote_service_on_all_addresses_serves_ipv4_and_ipv6(string host)
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync($"[remote]\nhost = {host}\n");
        foreach (string address in (string[])["127.0.0.1", "::1"])
        {
            using RawClient client = await RawClient.ConnectTlsAsync(
                daemon.RemotePort, daemon.Files.Certificate, address);

            await client.RequestAsync("GET", "/info/");

            Assert.Equal(200, (await client.ReceiveAsync()).Status);
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Ten_clients_with_four_connections_each_connect_to_the_local_service_at_once()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync();

        RawClient[] clients = await Task.WhenAll(
            Enumerable.Range(0, 40).Select(_ => RawClient.ConnectAsync(daemon.Files.LocalSocket)));

        foreach (RawClient client in clients)
        {
            await client.AssertOpenAsync();
            client.Dispose();
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Addresses_are_free_at_once_after_a_restart()
    {
        int port;
        await using (DaemonFixture first = await DaemonFixture.StartAsync())
        {
            port = first.RemotePort;
            // Closed by the daemon: the kernel remembers such a connection for a minute.
            using RawClient client = await RawClient.ConnectTlsAsync(first);
            await client.RequestAsync("GET", "/images/unknown");
            Assert.Equal(403, (await client.ReceiveAsync()).Status);
            await client.AssertClosedAsync();
        }

        await using DaemonFixture second = await DaemonFixture.StartAsync($"[remote]\nport = {port}\n");

        Assert.Equal(port, second.RemotePort);
        Assert.Contains("version", await second.Remote.GetStringAsync("/info/"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Options_names_the_local_socket_with_its_whole_path()
    {
        string path = Path.Combine(Path.GetTempPath(), $"imageio-{Guid.NewGuid():N}");
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        await using DaemonFixture daemon = await DaemonFixture.StartAsync($"[local]\nsocket = {relative}\n");

        using HttpResponseMessage response = await daemon.Local.SendAsync(new HttpRequestMessage(HttpMethod.Options, "/images/*"));
        JsonNode answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal(path, answer["unix_socket"]!.GetValue<string>());
    }

    [Fact(Timeout = 30_000)]
    public async Task Sigterm_cuts_what_still_runs_after_the_drain_timeout_and_exits_0()
    {
        using var files = new DaemonFiles("[daemon]\ndrain_timeout = 0.2\n");
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        using RawClient upload = await RawClient.ConnectAsync(files.LocalSocket);
        await upload.RequestAsync("PUT", image.Url, "Content-Length: 10", "Expect: 100-continue");
        await upload.ReceiveAsync();

        daemon.Signal(Signum.SIGTERM);

        Assert.Equal((0, ""), await daemon.ExitAsync());
        await upload.AssertClosedAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Ticket_expires_on_the_monotonic_clock()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync();
        long before = MonotonicSeconds();
        TestImage image = await daemon.AddImageAsync([1]);
        long after = MonotonicSeconds();

        JsonObject ticket = await daemon.GetTicketAsync(image.Id);

        long timeout = ticket["timeout"]!.GetValue<long>();
        Assert.InRange(ticket["expires"]!.GetValue<long>(), before + timeout, after + timeout);
    }

    [Fact(Timeout = 20_000)]
    public async Task Image_closed_by_delete_between_opening_and_use_is_a_canceled_ticket()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync();
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        OpenImage opened = await daemon.Tickets.All.Single().OpenAsync(this, default);
        IAsyncEnumerable<Core.Ranges.Extent> extents = opened.GetExtentsAsync(ExtentContext.Zero, default);

        using HttpResponseMessage removed = await daemon.Control.DeleteAsync($"/tickets/{image.Id}");

        removed.EnsureSuccessStatusCode();
        Assert.Equal(TransferError.TicketCanceled, Assert.Throws<TransferException>(() => opened.Size).Error);
        TransferException late = await Assert.ThrowsAsync<TransferException>(async () =>
        {
            await foreach (Core.Ranges.Extent extent in extents)
            {
                Assert.Fail($"{extent} of a closed image");
            }
        });
        Assert.Equal(TransferError.TicketCanceled, late.Error);
    }

    // CLOCK_MONOTONIC (clock_gettime(2)), as the runtime reads it.
    private static long MonotonicSeconds() => Stopwatch.GetTimestamp() / Stopwatch.Frequency;
}
