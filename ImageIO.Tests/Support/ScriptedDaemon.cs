using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace ImageIO.Tests.Support;

/// <summary>A daemon over TLS that does to each connection what a test says, byte for byte.</summary>
internal sealed class ScriptedDaemon : IAsyncDisposable
{
    /// <summary>Bytes in each direction.</summary>
    public const int SocketBuffer = 64 * 1024;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imageio-");
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<ScriptedDaemonConnection, Task> _script;
    private readonly X509Certificate2 _certificate;
    private readonly List<Task> _connections = [];
    private readonly Task _accepting;
    private int _accepted;

    /// <param name="script">Runs for each connection after the TLS handshake.</param>
    /// <param name="address">Its address. Null: 127.0.0.1.</param>
    /// <param name="isForThisHost">Whether its certificate has the names of this host.</param>
    /// <param name="certificate">Another certificate than <see cref="Certificate"/>. Null: that.</param>
    public ScriptedDaemon(
        Func<ScriptedDaemonConnection, Task> script,
        IPAddress? address = null,
        bool isForThisHost = true,
        X509Certificate2? certificate = null)
    {
        _script = script;
        _listener = new TcpListener(address ?? IPAddress.Loopback, 0);
        Certificate = new TestCertificate(_directory.FullName, isForThisHost);
        _certificate = certificate ?? X509Certificate2.CreateFromPemFile(
            Certificate.CertificateFile, Certificate.KeyFile);
        // Small socket buffers, so that a stalled daemon takes little.
        _listener.Server.ReceiveBufferSize = SocketBuffer;
        _listener.Server.SendBufferSize = SocketBuffer;
        _listener.Start(100);
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public TestCertificate Certificate { get; }

    public int Port { get; }

    /// <summary>Connections that came so far.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        // Not before: who has just accepted one asks for the next.
        await _accepting;
        _listener.Dispose();
        await Task.WhenAll(_connections);
        _certificate.Dispose();
        _stop.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptSocketAsync(_stop.Token);
                Interlocked.Increment(ref _accepted);
                _connections.Add(RunAsync(socket));
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task RunAsync(Socket socket)
    {
        await using var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await tls.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
            await _script(new ScriptedDaemonConnection(socket, tls, _stop.Token));
            // Properly, by close_notify. A script that wants something else closes the socket itself.
            await tls.ShutdownAsync();
        }
        catch (Exception e)
            when (e is IOException or OperationCanceledException or AuthenticationException or ObjectDisposedException)
        {
            // The proxy left, or the test is over: what counts is what the client saw.
        }
    }
}
