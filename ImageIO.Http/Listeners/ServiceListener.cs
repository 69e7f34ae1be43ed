using System.Net;

namespace ImageIO.Http.Listeners;

/// <summary>One service's listener: a name that routes its requests, and where it listens.</summary>
public sealed record ServiceListener
{
    /// <summary>The service's name: remote, local, control, proxy.</summary>
    public required string Service { get; init; }

    /// <summary>TCP address. Null: a Unix socket.</summary>
    public IPEndPoint? Address { get; init; }

    /// <summary>Unix socket. Null: TCP.</summary>
    public UnixSocket? Socket { get; init; }

    /// <summary>TLS. Null: plain HTTP.</summary>
    public ServerTls? Tls { get; init; }

    /// <summary>Whether requests of HTTP/1.1 without a Host header are served.</summary>
    public bool AcceptsHostless { get; init; }

    /// <summary>The address for the server.</summary>
    public EndPoint EndPoint => (EndPoint?)Address ?? Socket?.EndPoint
        ?? throw new InvalidOperationException($"The {Service} service has no address.");
}
