using System.Net;
using System.Net.Sockets;
using ImageIO.Backends.Nbd.Addresses;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Dialing;

/// <summary>
/// Connects to the server of one open image, and only where the configuration allows it. Where the first connection
/// led, all later ones lead too: an image that is open is never continued on another server's bytes.
/// </summary>
internal sealed class Dialer(NbdUrl url, NbdSettings settings)
{
    private readonly AllowedSockets _allowedSockets = new(settings.AllowUnix);

    // Where the first connection led. Null before it.
    private string? _socketPath;
    private IPAddress? _address;

    /// <summary>The server and the export, in the same form for all URLs; known once connected.</summary>
    public string Identity => $"{Storage} {url.ExportName}";

    /// <summary>The server, in the same form for all URLs; known once connected.</summary>
    public string Storage => url.Server.IsUnix ? $"unix {_socketPath}" : $"tcp {_address} {url.Server.Port}";

    /// <summary>Connects.</summary>
    /// <exception cref="NbdException">It is not permitted, or the server cannot be reached.</exception>
    public async ValueTask<ServerStream> ConnectAsync(CancellationToken cancellationToken) =>
        new(url.Server.IsUnix ? await ConnectUnixAsync(cancellationToken) : await ConnectTcpAsync(cancellationToken));

    private async ValueTask<Socket> ConnectUnixAsync(CancellationToken cancellationToken)
    {
        using HeldPath held = HeldPath.TryOpen(_socketPath ?? url.Server.Path, out string reason)
            ?? throw new NbdException($"there is no socket: {reason}");
        string resolved = held.Resolved ?? throw new NbdException(
            "the socket's path cannot be resolved: /proc is not mounted");
        if (!held.IsSocket)
        {
            throw new NbdException("the path is not a socket");
        }

        if (!_allowedSockets.Allow(resolved))
        {
            throw new NbdException(
                $"[backend_nbd] allow_unix does not allow {resolved}, but only sockets below "
                + string.Join(", ", settings.AllowUnix));
        }

        if (_socketPath is not null && resolved != _socketPath)
        {
            throw new NbdException($"the socket's path leads to {resolved} now");
        }

        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await ConnectAsync(socket, new UnixDomainSocketEndPoint(held.ProcPath), cancellationToken);
        _socketPath = resolved;
        return socket;
    }

    private async ValueTask<Socket> ConnectTcpAsync(CancellationToken cancellationToken)
    {
        int port = url.Server.Port;
        IReadOnlyList<IPAddress> addresses = _address is not null
            ? [_address]
            : await AllowedHosts.ResolveAsync(url.Server.Host, cancellationToken);
        NbdException failure = new($"the name {url.Server.Host} has no address");
        foreach (IPAddress address in addresses)
        {
            if (!await settings.AllowTcp.AllowAsync(address, port, cancellationToken))
            {
                failure = new NbdException($"[backend_nbd] allow_tcp does not allow {new IPEndPoint(address, port)}");
                continue;
            }

            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                // Detects a host that disappeared while no request was in flight.
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
                await ConnectAsync(socket, new IPEndPoint(address, port), cancellationToken);
                _address = address;
                return socket;
            }
            catch (NbdException e)
            {
                failure = e;
            }
        }

        throw failure;
    }

    private static async ValueTask ConnectAsync(Socket socket, EndPoint endPoint, CancellationToken cancellationToken)
    {
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new NbdException(
                e.SocketErrorCode == SocketError.ConnectionRefused
                    ? "no server listens there"
                    : $"connecting failed: {e.Message}",
                e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
