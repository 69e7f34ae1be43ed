using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace ImageIO.Bench;

/// <summary>
/// One connection that repeats the same request: a client that costs little, because it shares the machine with the
/// server.
/// </summary>
internal sealed class RequestClient : IDisposable
{
    private readonly Socket _socket;
    private readonly Stream _stream;
    private readonly byte[] _buffer = new byte[64 * 1024];

    private RequestClient(Socket socket, Stream stream)
    {
        _socket = socket;
        _stream = stream;
    }

    /// <summary>Connects to a server of this bench, without a check of its certificate.</summary>
    public static async Task<RequestClient> ConnectAsync(Uri server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, server.Port);
        var stream = new SslStream(new NetworkStream(socket));
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
#pragma warning disable CA5359 // The server is our own, on loopback, with a certificate made for this run.
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
        });
        return new RequestClient(socket, stream);
    }

    /// <summary>Connects to a Unix socket.</summary>
    public static RequestClient Connect(string unixSocket)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(unixSocket));
        return new RequestClient(socket, new NetworkStream(socket));
    }

    /// <summary>Whether there is something to read, or the server has closed the connection.</summary>
    public bool HasAnswer => _socket.Poll(0, SelectMode.SelectRead);

    /// <summary>The head of a request.</summary>
    /// <param name="request">Method and path.</param>
    /// <param name="fields">Its fields, without Host.</param>
    public static byte[] Head(string request, params string[] fields) => Encoding.ASCII.GetBytes(
        string.Join("\r\n", [$"{request} HTTP/1.1", "Host: localhost", .. fields, "", ""]));

    /// <summary>Sends a request or a part of one, and reads nothing.</summary>
    public void Send(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

    /// <summary>Sends a request and reads its answer, on the caller's thread.</summary>
    /// <exception cref="BenchException">It is not 200 or 206, or the server left.</exception>
    public void Exchange(ReadOnlySpan<byte> request)
    {
        _stream.Write(request);
        int received = 0;
        int end;
        while ((end = _buffer.AsSpan(0, received).IndexOf("\r\n\r\n"u8)) < 0)
        {
            received += Read(_buffer.AsSpan(received));
        }

        string head = Encoding.ASCII.GetString(_buffer, 0, end);
        if (!head.StartsWith("HTTP/1.1 20", StringComparison.Ordinal))
        {
            throw new BenchException($"a small request was answered with {head.Split('\r')[0]}");
        }

        for (int missing = end + 4 + BodyLength(head) - received; missing > 0;)
        {
            missing -= Read(_buffer);
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    private static int BodyLength(string head)
    {
        const string Name = "\r\nContent-Length:";
        int start = head.IndexOf(Name, StringComparison.OrdinalIgnoreCase);
        if (start < 0)
        {
            return 0;
        }

        ReadOnlySpan<char> value = head.AsSpan(start + Name.Length);
        int line = value.IndexOf('\r');
        return int.Parse((line < 0 ? value : value[..line]).Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
    }

    private int Read(Span<byte> room) =>
        _stream.Read(room) is > 0 and int read ? read : throw new BenchException("the server closed a connection");
}
