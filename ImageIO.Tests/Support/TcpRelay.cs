using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace ImageIO.Tests.Support;

/// <summary>
/// A network between a client and a server on this host that can be cut, slowed down and made to lie.
/// </summary>
internal sealed class TcpRelay : IAsyncDisposable
{
    private const int BlockSize = 16 * 1024;
    private const long CrawlBytesPerSecond = 128 * 1024;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<(Socket Client, Socket Server), byte> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;
    private volatile int _serverPort;
    private volatile bool _isCut;
    private long _sent;
    private long _received;
    private long _flipAt = -1;
    private readonly Pace _up = new();
    private readonly Pace _down = new();

    /// <param name="serverPort">Where the server listens.</param>
    public TcpRelay(int serverPort)
    {
        _serverPort = serverPort;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    /// <summary>Where the client connects to.</summary>
    public int Port { get; }

    /// <summary>Bytes that went from clients to the server so far.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Where the server listens now.</summary>
    public int ServerPort
    {
        set => _serverPort = value;
    }

    /// <summary>Most bytes per second from clients to the server, all connections together.</summary>
    public long BytesPerSecond
    {
        set => _up.BytesPerSecond = value;
    }

    /// <summary>Bytes that came from the server so far.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Most bytes per second from the server, all connections together.</summary>
    public long ReceivedBytesPerSecond
    {
        set => _down.BytesPerSecond = value;
    }

    /// <summary>Lowers the limits so that nothing ends during a check.</summary>
    public void Crawl()
    {
        foreach (Pace pace in new[] { _up, _down }.Where(pace => pace.BytesPerSecond != long.MaxValue))
        {
            pace.BytesPerSecond = CrawlBytesPerSecond;
        }
    }

    /// <summary>Whether the network is gone: connections are reset and new ones too.</summary>
    public bool IsCut
    {
        get => _isCut;
        set
        {
            _isCut = value;
            if (value)
            {
                Cut();
            }
        }
    }

    /// <summary>Resets the connections that there are.</summary>
    public void Cut()
    {
        foreach ((Socket client, Socket server) in _connections.Keys)
        {
            client.Close(0);
            server.Close(0);
        }
    }

    /// <summary>Turns one bit of what clients send, so many bytes from now on.</summary>
    public void FlipBitAfter(long bytes) => Interlocked.Exchange(ref _flipAt, Sent + bytes);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        Cut();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptSocketAsync(_stopping.Token);
                _ = ServeAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _connections.TryAdd((client, server), 0);
        try
        {
            if (!_isCut)
            {
                await server.ConnectAsync(IPAddress.Loopback, _serverPort, _stopping.Token);
                await Task.WhenAll(UpAsync(client, server), DownAsync(server, client));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Either side has gone, or was cut.
        }
        finally
        {
            _connections.TryRemove((client, server), out _);
            client.Close(0);
            server.Close(0);
        }
    }

    private async Task UpAsync(Socket client, Socket server)
    {
        byte[] block = new byte[BlockSize];
        for (int read; (read = await client.ReceiveAsync(block)) > 0;)
        {
            long end = Interlocked.Add(ref _sent, read);
            long flipAt = Interlocked.Read(ref _flipAt);
            if (flipAt >= end - read && flipAt < end)
            {
                block[flipAt - (end - read)] ^= 1;
            }

            await _up.WaitAsync(read, _stopping.Token);
            await SendAsync(server, block.AsMemory(0, read));
        }

        server.Shutdown(SocketShutdown.Send);
    }

    private async Task DownAsync(Socket server, Socket client)
    {
        byte[] block = new byte[BlockSize];
        for (int read; (read = await server.ReceiveAsync(block)) > 0;)
        {
            Interlocked.Add(ref _received, read);
            await _down.WaitAsync(read, _stopping.Token);
            await SendAsync(client, block.AsMemory(0, read));
        }

        client.Shutdown(SocketShutdown.Send);
    }

    private static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }

    // Each block waits for its turn, so that all connections together keep the rate.
    private sealed class Pace
    {
        private readonly Lock _lock = new();
        private long _turn;

        public long BytesPerSecond { get; set; } = long.MaxValue;

        public Task WaitAsync(int bytes, CancellationToken cancellationToken)
        {
            if (BytesPerSecond == long.MaxValue)
            {
                return Task.CompletedTask;
            }

            long now = TimeProvider.System.GetTimestamp();
            lock (_lock)
            {
                _turn = Math.Max(_turn, now) + (bytes * TimeProvider.System.TimestampFrequency / BytesPerSecond);
                return Task.Delay(
                    TimeProvider.System.GetElapsedTime(now, _turn), TimeProvider.System, cancellationToken);
            }
        }
    }
}
