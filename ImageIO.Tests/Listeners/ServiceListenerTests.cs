using System.Net;
using System.Net.Sockets;
using ImageIO.Http.Listeners;

namespace ImageIO.Tests.Listeners;

public sealed class ServiceListenerTests
{
    [Fact]
    public void Silent_clients_are_asked_whether_they_are_still_there()
    {
        var listener = new ServiceListener { Service = "remote", Address = new IPEndPoint(IPAddress.Loopback, 0) };
        listener.Bind();
        using var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.Bound!.LocalEndPoint!);
        using Socket accepted = listener.Bound.Accept();
        listener.Release();

        Assert.Equal(1, accepted.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
        Assert.Equal(60, accepted.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime));
    }
}
