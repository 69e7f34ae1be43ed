using System.Net;
using System.Net.Sockets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Client;

/// <summary>
/// A bad network in front of a daemon's Unix socket: cuts connections, delays, and changes bytes on their way.
/// </summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _socket;
    private readonly Func<RelayTrouble> _next;
    private readonly Task _accepting;

    /// <param name="socket">The daemon's Unix socket.</param>
    /// <param name="next">The trouble of the next connection.</param>
    public Relay(string socket, Func<RelayTrouble> next)
    {
        _socket = socket;
        _next = next;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Connections that were cut on purpose, and bytes that were changed.</summary>
    public int Troubles { get; private set; }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            _ = ServeAsync(await _listener.AcceptSocketAsync(), _next());
        }
    }

    private async Task ServeAsync(Socket client, RelayTrouble trouble)
    {
        try
        {
            using Socket server = await DaemonClients.ConnectAsync(_socket);
            using (client)
            {
                await Task.WhenAny(
                    CopyAsync(client, server, trouble), CopyAsync(server, client, trouble with { FlipAt = null }));
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // An end has gone.
        }
    }

    private async Task CopyAsync(Socket from, Socket to, RelayTrouble trouble)
    {
        byte[] buffer = new byte[64 * 1024];
        long passed = 0;
        int length;
        while ((length = await from.ReceiveAsync(buffer)) > 0)
        {
            if (trouble.FlipAt is { } flip && flip >= passed && flip < passed + length)
            {
                buffer[flip - passed] ^= 1;
                Troubles++;
            }

            if (trouble.CutAt is { } cut && passed + length > cut)
            {
                Troubles++;
                from.LingerState = to.LingerState = new LingerOption(enable: true, seconds: 0);
                from.Close();
                to.Close();
                return;
            }

            if (trouble.Delay > TimeSpan.Zero)
            {
                await Task.Delay(trouble.Delay, TimeProvider.System);
            }

            for (int sent = 0; sent < length;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, length - sent));
            }

            passed += length;
        }

        to.Shutdown(SocketShutdown.Send);
        await Task.Delay(
            Timeout.InfiniteTimeSpan, TimeProvider.System, new CancellationTokenSource(TimeSpan.FromSeconds(5)).Token)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
