using System.Net;
using System.Net.Sockets;

namespace ImageIO.Client.Transport;

/// <summary>A connection that was just opened.</summary>
internal sealed record DialedConnection(Socket Socket, WireStream Stream)
{
    /// <summary>Whether both ends have one address: then the server is on this host.</summary>
    public bool IsToThisHost =>
        Socket.LocalEndPoint is IPEndPoint own
            && Socket.RemoteEndPoint is IPEndPoint peer && own.Address.Equals(peer.Address);
}
