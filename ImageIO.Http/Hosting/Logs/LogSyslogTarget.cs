using System.Net;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>A syslog daemon: a Unix socket, or a host and port.</summary>
public sealed record LogSyslogTarget : LogTarget
{
    /// <summary>The Unix socket. Null: <see cref="Host"/>.</summary>
    public string? Socket { get; init; }

    /// <summary>Host and port. Null: <see cref="Socket"/>.</summary>
    public DnsEndPoint? Host { get; init; }

    /// <summary>Whether lines go over a stream; otherwise each is a datagram.</summary>
    public bool IsStream { get; init; }

    /// <summary>The facility's number, as in syslog(3): 1 is user, 3 daemon.</summary>
    public int Facility { get; init; } = 1;
}
