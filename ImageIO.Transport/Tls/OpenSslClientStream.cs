using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using ImageIO.Transport.Sockets;

namespace ImageIO.Transport.Tls;

/// <summary>
/// A client's connection with TLS by OpenSSL on the socket itself. Whom it speaks with is for its owner to find out, by
/// <see cref="PeerCertificates"/>, before anything is sent.
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

    /// <summary>The socket; this owns it.</summary>
    public Socket Socket { get; }

    /// <summary>The certificates that the server sent, its own first.</summary>
    internal IReadOnlyList<byte[]> PeerCertificates => _stream.PeerCertificates;

    /// <summary>Whether bytes, the end or a failure were received that nobody has read.</summary>
    public bool HasUnread => _stream.HasUnread || Socket.Poll(0, SelectMode.SelectRead);

    /// <summary>Connects, to the first of a name's addresses that answers, and makes the handshake.</summary>
    /// <param name="host">Name or IP address.</param>
    /// <param name="port">Port.</param>
    /// <param name="context">Settings for a client.</param>
    /// <param name="loop">Who hears of the socket.</param>
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

    /// <summary>Closes it; what waits fails.</summary>
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
        // Only from now on: before, the kernel calls it hung up.
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
                    // The platform has translated the system's number.
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

    // By ourselves: the runtime would watch the socket, too, and wake a thread of its own for each event.
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
