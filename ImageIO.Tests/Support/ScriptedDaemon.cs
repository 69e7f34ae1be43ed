using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace ImageIO.Tests.Support;

/// <summary>A daemon over TLS that does to each connection what a test says, byte for byte.</summary>
internal sealed class ScriptedDaemon : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imageio-");
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<ScriptedDaemonConnection, Task> _script;
    private readonly X509Certificate2 _certificate;
    private readonly List<Task> _connections = [];
    private readonly Task _accepting;
    private int _accepted;

    public ScriptedDaemon(Func<ScriptedDaemonConnection, Task> script)
    {
        _script = script;
        Certificate = new TestCertificate(_directory.FullName);
        using var pem = X509Certificate2.CreateFromPemFile(Certificate.CertificateFile, Certificate.KeyFile);
        _certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
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
        _listener.Dispose();
        await _accepting;
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
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
            await _script(new ScriptedDaemonConnection(socket, tls, _stop.Token));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or AuthenticationException or ObjectDisposedException)
        {
            // The proxy left, or the test is over: what counts is what the client saw.
        }
    }
}

/// <summary>One connection to a <see cref="ScriptedDaemon"/>.</summary>
/// <param name="Socket">To look below TLS.</param>
/// <param name="Stream">Its bytes.</param>
/// <param name="Stopping">Set when the test is over.</param>
internal sealed record ScriptedDaemonConnection(Socket Socket, Stream Stream, CancellationToken Stopping)
{
    /// <summary>The next request's head; its body is left unread.</summary>
    public async Task<string> ReadHeadAsync()
    {
        var head = new StringBuilder();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await Stream.ReadExactlyAsync(one, Stopping);
            head.Append((char)one[0]);
        }

        return head.ToString();
    }

    public async Task<byte[]> ReadAsync(int length)
    {
        byte[] bytes = new byte[length];
        await Stream.ReadExactlyAsync(bytes, Stopping);
        return bytes;
    }

    /// <summary>Sends text; a lone \n becomes \r\n.</summary>
    public async Task SendAsync(string text) =>
        await Stream.WriteAsync(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\r\n")), Stopping);

    /// <summary>Stands still until the test is over.</summary>
    public Task StandStillAsync() => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, Stopping);
}
