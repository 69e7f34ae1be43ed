using System.Net.Sockets;
using ImageIO.Core.Backends;

namespace ImageIO.Tests.Support.Nbd;

/// <summary>An NBD server on a real socket that does to each connection what a test says.</summary>
internal sealed class ScriptedNbdServer : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("imageio-nbd-").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Func<ScriptedNbdConnection, Task> _script;
    private readonly List<Task> _running = [];
    private readonly Task _accepting;
    private readonly CancellationTokenSource _stop = new();
    private int _connections;

    /// <param name="script">Runs for each connection, which is closed when it ends.</param>
    public ScriptedNbdServer(Func<ScriptedNbdConnection, Task> script)
    {
        _script = script;
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen(16);
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public string Path => System.IO.Path.Combine(_directory, "sock");

    public ImageUrl Url => ImageUrl.Parse($"nbd:unix:{Path}");

    /// <summary>Connections that were accepted so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_running);
        Directory.Delete(_directory, recursive: true);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptAsync(_stop.Token);
                _running.Add(RunAsync(socket, Interlocked.Increment(ref _connections)));
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    private async Task RunAsync(Socket socket, int number)
    {
        using var connection = new ScriptedNbdConnection(socket, number, _stop.Token);
        try
        {
            await _script(connection);
        }
        catch (Exception e) when (
            e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client closed it, or the test is over.
        }
    }
}
