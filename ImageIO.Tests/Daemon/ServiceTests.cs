using System.Diagnostics;
using System.Text.Json.Nodes;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
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

    [Fact(Timeout = 30_000)]
    public async Task Ten_clients_with_four_connections_each_connect_before_the_daemon_has_accepted_any()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(files);
        daemon.Signal(Signum.SIGSTOP);
        RawClient[] clients = await Task.WhenAll(
            new[] { files.LocalSocket, files.ControlSocket }.SelectMany(
                socket => Enumerable.Range(0, 40).Select(_ => RawClient.ConnectAsync(socket))));
        daemon.Signal(Signum.SIGCONT);

        foreach (RawClient client in clients)
        {
            await client.AssertOpenAsync();
            client.Dispose();
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Local_service_may_be_an_abstract_socket()
    {
        string name = $"/org/ovirt/imageio/{Guid.NewGuid():N}";
        await using DaemonFixture daemon = await DaemonFixture.StartAsync($"[local]\nsocket = \\0{name}\n");
        TestImage image = await daemon.AddImageAsync([7]);

        Assert.Equal($"\0{name}", await LocalSocketAsync(daemon.Remote));
        Assert.Contains(name, await File.ReadAllTextAsync("/proc/net/unix"), StringComparison.Ordinal);
        Assert.Equal([7], await daemon.Local.GetByteArrayAsync(image.Url));
    }

    [Fact(Timeout = 20_000)]
    public async Task Local_service_without_a_name_has_a_random_one_that_options_tells()
    {
        await using DaemonFixture first = await DaemonFixture.StartAsync("[local]\nsocket =\n");
        await using DaemonFixture second = await DaemonFixture.StartAsync("[local]\nsocket =\n");
        using HttpResponseMessage response = await first.Remote.SendAsync(
            new HttpRequestMessage(HttpMethod.Options, "/images/*"));
        TestImage image = await first.AddImageAsync([7]);

        string name = await LocalSocketAsync(first.Remote);
        using HttpClient client = DaemonClients.OverUnixSocket(name);

        Assert.Contains(
            "\"unix_socket\":\"\\u0000", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal([7], await client.GetByteArrayAsync(image.Url));
        Assert.NotEqual(name, await LocalSocketAsync(second.Remote));
    }

    [Fact(Timeout = 20_000)]
    public async Task Ticket_without_an_inactivity_timeout_has_the_configured_one()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync("[daemon]\ninactivity_timeout = 7\n");
        TestImage image = await daemon.AddImageAsync([7]);

        Assert.Equal(7, (await daemon.GetTicketAsync(image.Id))["inactivity_timeout"]!.GetValue<int>());
    }

    [Fact(Timeout = 20_000)]
    public async Task Daemon_without_a_local_service_has_no_socket_to_tell()
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync(
            "[local]\nenable = false\n[daemon]\nmax_connections = 3\n");
        TestImage image = await daemon.AddImageAsync([7]);

        using HttpResponseMessage response = await daemon.Remote.SendAsync(
            new HttpRequestMessage(HttpMethod.Options, image.Url));

        Assert.Equal(
            """
            {"features":["checksum","extents","flush","zero"],"max_readers":3,"max_writers":3,
            "size":1,"expires_in":300,"ops":["write"]}
            """.ReplaceLineEndings("") + "\n",
            await response.Content.ReadAsStringAsync());
        Assert.False(File.Exists(daemon.Files.LocalSocket));
    }

    [Theory(Timeout = 20_000)]
    [InlineData("", "127.0.0.1")]
    [InlineData("prefer_ipv4 = true", "127.0.0.1")]
    [InlineData("prefer_ipv4 = false", "[::1]")]
    public async Task Control_service_on_tcp_listens_on_loopback_only(string option, string address)
    {
        await using DaemonFixture daemon = await DaemonFixture.StartAsync(
            $"[control]\ntransport = tcp\nport = 0\n{option}\n");

        // As the kernel tells the address of the socket (getsockname(2)).
        Assert.Contains($"http://{address}:{daemon.ControlPort}", daemon.Urls.Split(", "));
        using HttpClient client = new() { BaseAddress = new Uri($"http://{address}:{daemon.ControlPort}") };
        Assert.Equal("[]\n", await client.GetStringAsync("/tickets"));
        Assert.False(File.Exists(daemon.Files.ControlSocket));
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

        Assert.Equal(path, await LocalSocketAsync(daemon.Local));
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
        await using var connection = new ImageLeases();
        ImageHandle opened = await daemon.Tickets.All.Single().OpenAsync(connection, default);
        IAsyncEnumerable<Core.Ranges.Extent> extents = opened.GetExtentsAsync(ExtentContext.Zero, default);

        using HttpResponseMessage removed = await daemon.Control.DeleteAsync($"/tickets/{image.Id}");

        removed.EnsureSuccessStatusCode();
        Assert.Equal(
            TransferError.TicketCanceled,
            (await Assert.ThrowsAsync<TransferException>(() => opened.GetSizeAsync().AsTask())).Error);
        TransferException late = await Assert.ThrowsAsync<TransferException>(async () =>
        {
            await foreach (Core.Ranges.Extent extent in extents)
            {
                Assert.Fail($"{extent} of a closed image");
            }
        });
        Assert.Equal(TransferError.TicketCanceled, late.Error);
    }

    private static async Task<string> LocalSocketAsync(HttpClient client)
    {
        using HttpResponseMessage response = await client.SendAsync(
            new HttpRequestMessage(HttpMethod.Options, "/images/*"));
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!["unix_socket"]!.GetValue<string>();
    }

    // CLOCK_MONOTONIC (clock_gettime(2)), as the runtime reads it.
    private static long MonotonicSeconds() => Stopwatch.GetTimestamp() / Stopwatch.Frequency;
}
