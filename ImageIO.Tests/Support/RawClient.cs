using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace ImageIO.Tests.Support;

/// <summary>
/// One connection, byte for byte: for what a well-behaved HTTP client never sends and hides when it comes.
/// </summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket;
    private readonly Stream _stream;

    private RawClient(Socket socket, Stream stream)
    {
        _socket = socket;
        _stream = stream;
    }

    public Socket Socket => _socket;

    public static async Task<RawClient> ConnectAsync(string unixSocket)
    {
        Socket socket = await DaemonClients.ConnectAsync(unixSocket);
        return new RawClient(socket, new NetworkStream(socket));
    }

    /// <summary>Connects to a TCP port of this host, without TLS.</summary>
    public static async Task<RawClient> ConnectTcpAsync(int port)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", port);
        return new RawClient(socket, new NetworkStream(socket));
    }

    public static Task<RawClient> ConnectTlsAsync(DaemonFixture daemon) =>
        ConnectTlsAsync(daemon.RemotePort, daemon.Files.Certificate);

    public static Task<RawClient> ConnectTlsAsync(RunningDaemon daemon) =>
        ConnectTlsAsync(daemon.RemotePort, daemon.Files.Certificate);

    /// <summary>Connects to a TCP port of this host, with TLS.</summary>
    public static async Task<RawClient> ConnectTlsAsync(
        int port, TestCertificate certificate, string address = "127.0.0.1")
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, port);
        var tls = new SslStream(new NetworkStream(socket));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            CertificateChainPolicy = certificate.Policy,
        });
        return new RawClient(socket, tls);
    }

    /// <summary>Sends text as it is; a lone \n becomes \r\n, as raw strings are easier to read with.</summary>
    public Task SendAsync(string text) =>
        SendAsync(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\r\n")));

    public async Task SendAsync(byte[] bytes)
    {
        await _stream.WriteAsync(bytes);
        await _stream.FlushAsync();
    }

    /// <summary>Sends a request without a body.</summary>
    public Task RequestAsync(string method, string target, params string[] headers)
    {
        SecretsInLogs.NoteTarget(target);
        return SendAsync(
            $"{method} {target} HTTP/1.1\nHost: test\n{string.Concat(headers.Select(header => header + "\n"))}\n");
    }

    /// <summary>One answer: its head, and as much body as its Content-Length says.</summary>
    public async Task<RawResponse> ReceiveAsync(bool hasBody = true)
    {
        var head = new List<byte>();
        byte[] one = new byte[1];
        while (!EndsHead(head))
        {
            if (await _stream.ReadAsync(one) == 0)
            {
                throw new IOException($"Closed after: {Encoding.Latin1.GetString([.. head])}");
            }

            head.Add(one[0]);
        }

        var response = new RawResponse([.. head]);
        byte[] body = new byte[hasBody && response.Header("content-length") is { } length
            ? int.Parse(length, CultureInfo.InvariantCulture)
            : 0];
        await _stream.ReadExactlyAsync(body);
        return response with { Body = body };
    }

    /// <summary>The next bytes, at most this many; none when the daemon has closed the connection.</summary>
    public async Task<byte[]> ReadAsync(int most)
    {
        byte[] buffer = new byte[most];
        try
        {
            return buffer[..await _stream.ReadAsync(buffer)];
        }
        catch (IOException)
        {
            // A reset is an end, too: the daemon had not read all that we sent.
            return [];
        }
    }

    /// <summary>Asserts that the daemon closes the connection now, with nothing more to say.</summary>
    public async Task AssertClosedAsync() => Assert.Empty(await ReadAsync(1));

    /// <summary>Asserts that the connection still serves requests.</summary>
    public async Task AssertOpenAsync()
    {
        await RequestAsync("GET", "/none");
        Assert.Equal(404, (await ReceiveAsync()).Status);
    }

    /// <summary>Ends the connection like a client that was killed: what is in flight is lost.</summary>
    public void Reset()
    {
        if (_socket.AddressFamily != AddressFamily.Unix)
        {
            _socket.LingerState = new LingerOption(true, 0);
        }

        _socket.Dispose();
    }

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    private static bool EndsHead(List<byte> head) => head.Count >= 4 && head[^4..] is [13, 10, 13, 10];
}
