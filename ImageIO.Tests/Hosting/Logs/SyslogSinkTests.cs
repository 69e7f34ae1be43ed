using System.Net;
using System.Net.Sockets;
using System.Text;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Tests.Support;
using Serilog.Events;
using Serilog.Parsing;

namespace ImageIO.Tests.Hosting.Logs;

/// <summary>Lines to a syslog daemon, as Python's handler sends them.</summary>
public sealed class SyslogSinkTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero);

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact(Timeout = 20_000)]
    public async Task Line_is_a_datagram_with_facility_and_severity()
    {
        using var daemon = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        daemon.Bind(new UnixDomainSocketEndPoint(_directory.File("log")));
        using var sink = new SyslogSink(
            new LogSyslogTarget { Socket = _directory.File("log"), Facility = 3 }, new LogLineFormatter());
        sink.Open();

        sink.Emit(Event(LogEventLevel.Warning, Start));

        string line = await ReceiveAsync(daemon);
        Assert.StartsWith("<28>2026-11-27 ", line, StringComparison.Ordinal);
        Assert.EndsWith("words\0", line, StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Host_and_port_take_datagrams_too()
    {
        using var daemon = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        daemon.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var sink = new SyslogSink(
            new LogSyslogTarget { Host = new DnsEndPoint("127.0.0.1", ((IPEndPoint)daemon.LocalEndPoint!).Port) },
            new LogLineFormatter());
        sink.Open();

        sink.Emit(Event(LogEventLevel.Fatal, Start));

        Assert.StartsWith("<10>", await ReceiveAsync(daemon), StringComparison.Ordinal);
    }

    [Fact(Timeout = 20_000)]
    public async Task Daemon_that_is_away_costs_nothing_and_is_found_when_it_comes()
    {
        using var sink = new SyslogSink(
            new LogSyslogTarget { Socket = _directory.File("log") }, new LogLineFormatter());
        sink.Open();
        sink.Emit(Event(LogEventLevel.Information, Start));

        using var daemon = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        daemon.Bind(new UnixDomainSocketEndPoint(_directory.File("log")));
        DateTimeOffset time = Start;
        await Eventually.HoldsAsync(
            () =>
            {
                time += TimeSpan.FromMinutes(1);
                sink.Emit(Event(LogEventLevel.Information, time));
                return daemon.Available > 0;
            },
            "lines arrive");
    }

    private static LogEvent Event(LogEventLevel level, DateTimeOffset time) =>
        new(time, level, null, new MessageTemplateParser().Parse("words"), []);

    private static async Task<string> ReceiveAsync(Socket daemon)
    {
        byte[] buffer = new byte[1000];
        return Encoding.UTF8.GetString(buffer, 0, await daemon.ReceiveAsync(buffer));
    }
}
