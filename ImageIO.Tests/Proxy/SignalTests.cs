using System.Net;
using System.Net.Sockets;
using ImageIO.Proxy.SignedTickets;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Proxy;

/// <summary>The proxy's metrics, its messages to systemd, and its signals, like the daemon's.</summary>
/// <remarks>A process for each test, because signals and metrics belong to the whole process.</remarks>
public sealed class SignalTests : IAsyncLifetime
{
    private readonly ProxyFiles _files = new();
    private ProxyProcess _proxy = null!;

    public async Task InitializeAsync() => _proxy = await ProxyProcess.StartAsync(_files);

    public async Task DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _files.Dispose();
    }

    [Fact(Timeout = 20_000)]
    public async Task Tickets_connections_errors_and_the_certificate_are_measured()
    {
        string ticket = _files.Signer.Sign(
            new DaemonAddress("host.example", 54322), "ticket-1", "", TimeSpan.FromMinutes(1), SignatureForms.Both);
        using HttpResponseMessage installed = await _proxy.Client.PutAsync("/tickets/", new StringContent(ticket));
        using HttpResponseMessage refused = await _proxy.Client.PutAsync("/tickets/", new StringContent("none"));

        string[] metrics = (await _proxy.Monitor.GetStringAsync("/metrics")).Split('\n');

        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_tickets", "state=\"installed\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_connections", "service=\"proxy\""));
        Assert.Equal(1, PrometheusText.Value(metrics, "imageio_errors_total", "reason=\"SignedTicketRefused\""));
        Assert.True(PrometheusText.Value(metrics, "imageio_tls_certificate_expiry_seconds") > 1e9);
    }

    [Fact(Timeout = 30_000)]
    public async Task Draining_proxy_is_not_ready_accepts_no_client_and_finishes_what_runs()
    {
        byte[] ticket = System.Text.Encoding.ASCII.GetBytes(_files.Signer.Sign(
            new DaemonAddress("host.example", 54322), "ticket-1", "", TimeSpan.FromMinutes(1), SignatureForms.Both));
        using RawClient running = await RawClient.ConnectTlsAsync(_proxy.Port, _files.Certificate);
        await running.RequestAsync("PUT", "/tickets/", $"Content-Length: {ticket.Length}", "Expect: 100-continue");
        // It is asked for its body: the request runs.
        Assert.Equal(100, (await running.ReceiveAsync(hasBody: false)).Status);
        using RawClient monitor = await RawClient.ConnectAsync(_files.PathOf("proxy.monitor"));
        Assert.Equal((200, "{\"status\":\"ok\"}\n"), await GetAsync(monitor, "/health/ready"));

        _proxy.Signal(Signum.SIGTERM);
        await Eventually.HoldsAsync(
            async () => await GetAsync(monitor, "/health/ready") == (503, "{\"status\":\"stopping\"}\n"),
            "the proxy is not ready");
        await Eventually.HoldsAsync(() => IsRefusedAsync(_proxy.Port), "no client is accepted");

        Assert.Equal((200, "{\"status\":\"ok\"}\n"), await GetAsync(monitor, "/health/live"));
        using HttpResponseMessage newcomer = await _proxy.Monitor.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, newcomer.StatusCode);
        await running.SendAsync(ticket);
        RawResponse installed = await running.ReceiveAsync();
        Assert.Equal((200, "close"), (installed.Status, installed.Header("connection")));
        Assert.Equal((0, ""), await _proxy.ExitAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task Systemd_is_told_that_it_is_ready_how_it_is_and_that_it_stops()
    {
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(_files.PathOf("notify")));
        await using ProxyProcess proxy = await ProxyProcess.StartAsync(
            _files, "other", "", new Dictionary<string, string> { ["NOTIFY_SOCKET"] = _files.PathOf("notify") });

        await ToldAsync(systemd, "STATUS=0 tickets, 0 connections");
        await ToldAsync(systemd, "READY=1");
        proxy.Signal(Signum.SIGTERM);
        await ToldAsync(systemd, "STOPPING=1");
        Assert.Equal((0, ""), await proxy.ExitAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task Sighup_takes_the_log_level_from_the_configuration_anew()
    {
        _files.WriteConfiguration(
            _files.PathOf("proxy.conf"),
            _files.PathOf("proxy.log"), _files.PathOf("proxy.monitor"), "log_level = DEBUG");

        _proxy.Signal(Signum.SIGHUP);

        await Eventually.HoldsAsync(
            () =>
                _proxy.ReadLog().Contains("SIGHUP: log level is Debug", StringComparison.Ordinal), "it was read again");
    }

    private static async Task<(int Status, string Text)> GetAsync(RawClient client, string path)
    {
        await client.RequestAsync("GET", path);
        RawResponse response = await client.ReceiveAsync();
        return (response.Status, response.Text);
    }

    private static async Task<bool> IsRefusedAsync(int port)
    {
        try
        {
            (await RawClient.ConnectTcpAsync(port)).Dispose();
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static async Task ToldAsync(Socket systemd, string line)
    {
        byte[] buffer = new byte[4096];
        string received;
        do
        {
            received = System.Text.Encoding.UTF8.GetString(buffer, 0, await systemd.ReceiveAsync(buffer));
        }
        while (!received.StartsWith(line, StringComparison.Ordinal));
    }
}
