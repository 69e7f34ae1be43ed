using System.Net;
using System.Net.Sockets;
using ImageIO.Transport.Sockets;
using ImageIO.Transport.Tls;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace ImageIO.Http.Listeners;

/// <summary>The listener of a service: the name that routes its requests, and its address.</summary>
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

    /// <summary>
    /// Whether it serves this host's own needs, control or monitor, so that clients cannot use up its connections.
    /// </summary>
    public bool IsForHost { get; init; }

    // When, how often and how many times the kernel probes a silent client (tcp(7)).
    private const int ProbeAfterSeconds = 60;
    private const int ProbeEverySeconds = 15;
    private const int Probes = 4;

    // Set by Bind; taken over by the server when it starts.
    internal Socket? Bound { get; private set; }

    /// <summary>The address for the server.</summary>
    public EndPoint EndPoint => (EndPoint?)Address ?? Socket?.EndPoint
        ?? throw new InvalidOperationException($"The {Service} service has no address.");

    /// <summary>Its address as a URL with the actual port, for logs.</summary>
    public string Url
    {
        get
        {
            string scheme = Tls is null ? "http" : "https";
            return Socket is null
                ? $"{scheme}://{Bound?.LocalEndPoint ?? EndPoint}"
                : $"{scheme}://unix:{EndPoint}";
        }
    }

    /// <summary>
    /// Takes the address and listens: the last step that may need root's rights. Clients that connect before the server
    /// starts wait in the backlog.
    /// </summary>
    /// <exception cref="ConfigurationException">The address cannot be taken.</exception>
    internal void Bind()
    {
        try
        {
            Bound = Socket is null ? ListenOnTcp() : Socket.Listen();
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            throw new ConfigurationException($"Cannot listen on {EndPoint} for the {Service} service: {e.Message}", e);
        }
    }

    /// <summary>Releases the address. Connections live on.</summary>
    internal void Release()
    {
        Bound?.Dispose();
        Socket?.Remove();
    }

    private Socket ListenOnTcp()
    {
        Socket socket = SocketTransportOptions.CreateDefaultBoundListenSocket(EndPoint);
        // Accepted sockets inherit these. While storage hangs, nothing is sent to its clients, so only probes find
        // those that have vanished. Otherwise their connections would use up all slots.
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, ProbeAfterSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, ProbeEverySeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, Probes);
        socket.Listen();
        return socket;
    }
}
