using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using ImageIO.Transport.Sockets;

namespace ImageIO.Transport.Tls;

/// <summary>
/// A client's TLS connection. Its owner must check <see cref="PeerCertificates"/> before it sends anything.
/// </summary>
public sealed class OpenSslClientStream : AsyncStream
{
    private readonly SocketReadiness _readiness;
    private readonly OpenSslStream _stream;

    private OpenSslClientStream(Socket socket, SocketReadiness readiness, OpenSslStream stream)
    {
        Socket = socket;
        _readiness = readiness;
        _stream = stream;
    }

    /// <inheritdoc />
    public override bool CanRead => true;

    /// <inheritdoc />
    public override bool CanWrite => true;

    /// <summary>The socket; owned by this.</summary>
    public Socket Socket { get; }

    /// <summary>The server's certificates, its own first.</summary>
    internal IReadOnlyList<byte[]> PeerCertificates => _stream.PeerCertificates;

    /// <summary>Whether bytes, the end or a failure were received and not read.</summary>
    public bool HasUnread => _stream.HasUnread || Socket.Poll(0, SelectMode.SelectRead);

    /// <summary>Connects to the first address of a name that answers, and makes the handshake.</summary>
    /// <param name="host">Name or IP address.</param>
    /// <param name="port">Port.</param>
    /// <param name="context">Settings for a client.</param>
    /// <param name="loop">The loop that watches the socket.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="SocketException">No address answers, or the name has none.</exception>
    /// <exception cref="AuthenticationException">The server offered nothing usable, or does not speak TLS.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    internal static async Task<OpenSslClientStream> ConnectAsync(
        string host, int port, OpenSslContext context, EventLoop loop, CancellationToken cancellationToken)
    {
        bool isAddress = IPAddress.TryParse(host, out IPAddress? address);
        IPAddress[] addresses = isAddress ? [address!] : await Dns.GetHostAddressesAsync(host, cancellationToken);
        SocketException? failure = null;
        foreach (IPAddress candidate in addresses)
        {
            var socket = new Socket(candidate.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.NoDelay = true;
                return await ConnectAsync(
                    socket, new IPEndPoint(candidate, port),
                    isAddress ? null : host.TrimEnd('.'), context, loop, cancellationToken);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                failure = e;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw failure ?? new SocketException((int)SocketError.HostNotFound);
    }

    /// <inheritdoc />
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _stream.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc />
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _stream.WriteAsync(buffer, cancellationToken);

    /// <inheritdoc />
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Closes the connection. Waiting calls fail.</summary>
    protected override void Dispose(bool disposing)
    {
        _stream.Dispose();
        _readiness.Leave();
        Socket.Dispose();
        base.Dispose(disposing);
    }

    private static async Task<OpenSslClientStream> ConnectAsync(
        Socket socket,
        IPEndPoint endPoint,
        string? name,
        OpenSslContext context,
        EventLoop loop,
        CancellationToken cancellationToken)
    {
        var readiness = new SocketReadiness();
        bool isConnected = StartConnect(socket, endPoint);
        // Not earlier: the kernel reports an unconnected socket as hung up.
        readiness.Writer.Arm();
        readiness.Join(loop, socket.SafeHandle);
        OpenSslStream? stream = null;
        try
        {
            if (!isConnected)
            {
                await readiness.Writer.WaitAsync(SocketEvents.Writable, cancellationToken);
                if (socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error) is int error and not 0)
                {
                    // The platform translates the system's number.
                    throw new SocketException(error);
                }
            }

            stream = new OpenSslStream(
                context.Open(socket.SafeHandle, name), socket.SafeHandle, readiness, static () => { });
            await stream.HandshakeAsync(cancellationToken);
            return new OpenSslClientStream(socket, readiness, stream);
        }
        catch
        {
            stream?.Dispose();
            readiness.Leave();
            throw;
        }
    }

    // Not by the runtime, which would watch the socket, too, and wake a thread of its own for each event.
    private static unsafe bool StartConnect(Socket socket, IPEndPoint endPoint)
    {
        LibC.SetNonBlocking(socket.SafeHandle);
        SocketAddress address = endPoint.Serialize();
        fixed (byte* bytes = address.Buffer.Span)
        {
            if (LibC.Connect(socket.SafeHandle, bytes, address.Size) == 0)
            {
                return true;
            }
        }

        int error = Marshal.GetLastPInvokeError();
        return error == LibC.EINPROGRESS ? false : throw LibC.SocketFailure(error);
    }
}
