using System.Net.Sockets;
using System.Text;
using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Daemon;

/// <summary>The daemon's messages to systemd (sd_notify(3); daemon-api section 6).</summary>
public sealed class SystemdTests : IDisposable
{
    private readonly ImageDirectory _directory = new();
    private readonly Socket _systemd = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    public SystemdTests() => _systemd.Bind(new UnixDomainSocketEndPoint(_directory.File("notify")));

    public void Dispose()
    {
        _systemd.Dispose();
        _directory.Dispose();
    }

    [Fact(Timeout = 30_000)]
    public async Task Ready_status_watchdog_and_stopping_are_told()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await StartAsync(files, watchdogMicroseconds: 100_000);

        Assert.Contains("READY=1", await ReceiveUntilAsync("READY=1"));
        // The first ones are sent at the start, the second ones show that they continue.
        await ReceiveUntilAsync("WATCHDOG=1");
        await ReceiveUntilAsync("STATUS=0 tickets, 0 active, ");
        await ReceiveUntilAsync("WATCHDOG=1");

        daemon.Signal(Signum.SIGTERM);
        await ReceiveUntilAsync("STOPPING=1");
        Assert.Equal((0, ""), await daemon.ExitAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task Status_tells_the_tickets()
    {
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await StartAsync(files, watchdogMicroseconds: 100_000);
        await ReceiveUntilAsync("READY=1");

        await daemon.InstallAsync(TicketBody.For("status", "/nowhere", 1));

        await ReceiveUntilAsync("STATUS=1 tickets, 0 active");
    }

    [Fact(Timeout = 30_000)]
    public async Task Systemd_enable_false_tells_nothing()
    {
        using var files = new DaemonFiles("[daemon]\nsystemd_enable = false\n");
        await using DaemonProcess daemon = await StartAsync(files, watchdogMicroseconds: 100_000);

        daemon.Signal(Signum.SIGTERM);
        (int status, _) = await daemon.ExitAsync();

        Assert.Equal(0, status);
        Assert.Equal(0, _systemd.Available);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("")]
    [InlineData("/no/such/socket")]
    public async Task Without_a_listener_nothing_is_missing(string socket)
    {
        using var files = new DaemonFiles();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(
            files, new Dictionary<string, string> { ["NOTIFY_SOCKET"] = socket });

        daemon.Signal(Signum.SIGTERM);

        Assert.Equal((0, ""), await daemon.ExitAsync());
    }

    private Task<DaemonProcess> StartAsync(DaemonFiles files, long watchdogMicroseconds) => DaemonProcess.StartAsync(
        files,
        new Dictionary<string, string>
        {
            ["NOTIFY_SOCKET"] = _directory.File("notify"),
            ["WATCHDOG_USEC"] = $"{watchdogMicroseconds}",
        });

    // All lines up to the one that begins so, inclusive.
    private async Task<IReadOnlyList<string>> ReceiveUntilAsync(string line)
    {
        var lines = new List<string>();
        byte[] buffer = new byte[4096];
        while (!lines.Exists(received => received.StartsWith(line, StringComparison.Ordinal)))
        {
            int length = await _systemd.ReceiveAsync(buffer);
            lines.AddRange(
                Encoding.UTF8.GetString(buffer, 0, length).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }

        return lines;
    }
}
