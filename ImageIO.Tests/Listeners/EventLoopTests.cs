using System.Net;
using System.Net.Sockets;
using ImageIO.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Listeners;

/// <summary>The thread that watches sockets.</summary>
public sealed class EventLoopTests : IDisposable
{
    private readonly EventLoop _loop = new(0, NullLogger.Instance);

    public void Dispose() => _loop.Dispose();

    // Else one connection would end the process, and all transfers with it.
    [Fact(Timeout = 10_000)]
    public async Task What_fails_on_the_thread_ends_neither_it_nor_other_connections()
    {
        (Socket broken, Socket brokenPeer) = await ConnectAsync();
        (Socket sound, Socket soundPeer) = await ConnectAsync();
        var failing = new SocketReadiness { PeerLeft = _ => throw new InvalidOperationException("on purpose") };
        var working = new SocketReadiness();
        _loop.Add(broken.SafeHandle, failing);
        _loop.Add(sound.SafeHandle, working);

        failing.Reader.Arm();
        ValueTask told = failing.Reader.WaitAsync(SocketEvents.Readable, CancellationToken.None);
        brokenPeer.Dispose();
        await told;
        working.Reader.Arm();
        ValueTask wait = working.Reader.WaitAsync(SocketEvents.Readable, CancellationToken.None);
        await soundPeer.SendAsync("x"u8.ToArray());

        await wait;
        broken.Dispose();
        sound.Dispose();
        soundPeer.Dispose();
    }

    [Fact(Timeout = 10_000)]
    public async Task Socket_that_is_closed_is_watched_no_more()
    {
        (Socket socket, Socket peer) = await ConnectAsync();
        ulong number = _loop.Add(socket.SafeHandle, new SocketReadiness());
        Assert.Equal(1, _loop.Count);

        _loop.Remove(number);
        socket.Dispose();
        peer.Dispose();

        Assert.Equal(0, _loop.Count);
    }

    private static async Task<(Socket Accepted, Socket Client)> ConnectAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndpoint);
        return (await listener.AcceptSocketAsync(), client);
    }
}
