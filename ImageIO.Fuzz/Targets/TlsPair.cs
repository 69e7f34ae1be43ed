using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImageIO.Transport.Sockets;
using ImageIO.Transport.Tls;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// The real server's stream, and a client of OpenSSL, each on a socket. Their bytes pass through here and may be
/// changed. Everything runs on the caller's thread: the server continues when it is told of an event.
/// </summary>
internal sealed partial class TlsPair : IDisposable
{
    private const int LongestMove = 1 << 20;

    // Bytes that an empty socket takes at once, with its overhead for each piece.
    private const int LongestMoveToClient = 64 * 1024;

    // Header, a byte, its type, the tag (RFC 8446 section 5.2).
    private const int SmallestRecord = 5 + 1 + 1 + 16;

    private static readonly OpenSslContext ServerContext = ForServer();
    private static readonly OpenSslContext ClientContext = OpenSslContext.ForClient();

    private readonly Socket _serverEnd;
    private readonly Socket _clientEnd;
    private readonly byte[] _moved = new byte[LongestMove];

    public TlsPair()
    {
        (ServerSocket, _serverEnd) = CreateSockets();
        (ClientSocket, _clientEnd) = CreateSockets();
        Server = new OpenSslStream(
            ServerContext.Open(ServerSocket.SafeHandle), ServerSocket.SafeHandle, Readiness, () => HasLeft = true);
        Client = ClientContext.Open(ClientSocket.SafeHandle);
    }

    /// <summary>The stream under test.</summary>
    public OpenSslStream Server { get; }

    public SocketReadiness Readiness { get; } = new();

    /// <summary>The state of the client, which the same thread drives.</summary>
    public SslHandle Client { get; }

    /// <summary>Whether the stream has reported that its client left.</summary>
    public bool HasLeft { get; private set; }

    private Socket ServerSocket { get; }

    private Socket ClientSocket { get; }

    /// <summary>Makes the handshake.</summary>
    public void Connect()
    {
        Task accept = HandshakeAsync();
        // Three flights and what follows them. Each round moves both ways.
        for (int round = 0; round < 5 && !accept.IsCompletedSuccessfully; round++)
        {
            LibSsl.ClearErrors();
            _ = LibSsl.Handshake(Client);
            ToServer(TakeFromClient());
            ToClient();
        }

        FuzzTarget.MustHold(accept.IsCompletedSuccessfully && LibSsl.Handshake(Client) == 1, "the handshake succeeds");
    }

    /// <summary>The server's handshake.</summary>
    public Task HandshakeAsync() => Freely(() => Server.HandshakeAsync(CancellationToken.None));

    /// <summary>The server's read. Immediate and later failures have one form.</summary>
    public Task<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Freely(async () => await Server.ReadAsync(buffer, cancellationToken));

    /// <summary>The server's write.</summary>
    public Task WriteAsync(byte[] bytes, CancellationToken cancellationToken = default) =>
        Freely(async () => await Server.WriteAsync(bytes, cancellationToken));

    /// <summary>The server's close_notify.</summary>
    public Task SendEndAsync() => Freely(async () => await Server.SendEndAsync(CancellationToken.None));

    /// <summary>Takes the bytes that the client has sent.</summary>
    public ReadOnlySpan<byte> TakeFromClient() => Take(_clientEnd, _moved.Length);

    /// <summary>Writes bytes to the server's socket and tells the server.</summary>
    public void ToServer(ReadOnlySpan<byte> bytes)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += _serverEnd.Send(bytes[sent..], SocketFlags.None, out SocketError error);
            if (error != SocketError.Success)
            {
                // Nothing reads there any more.
                return;
            }

            Readiness.Signal(SocketEvents.Readable);
        }
    }

    /// <summary>
    /// Moves the server's bytes to the client, 64 KiB at most. The client must have read the earlier ones.
    /// </summary>
    public void ToClient() => ToClient(Take(_serverEnd, LongestMoveToClient));

    /// <summary>Moves at most one record of one byte.</summary>
    public void ToClientOnce() => ToClient(Take(_serverEnd, SmallestRecord));

    /// <summary>Ends the client's side and tells the server.</summary>
    public void EndClient()
    {
        _serverEnd.Shutdown(SocketShutdown.Send);
        Readiness.Signal(SocketEvents.Readable | SocketEvents.PeerClosed | SocketEvents.HangUp);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Server.Dispose();
        Client.Dispose();
        foreach (Socket socket in (Socket[])[ServerSocket, _serverEnd, ClientSocket, _clientEnd])
        {
            socket.Dispose();
        }
    }

    private void ToClient(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 0)
        {
            int sent = _clientEnd.Send(bytes, SocketFlags.None, out SocketError error);
            FuzzTarget.MustHold(
                sent == bytes.Length || error != SocketError.Success, "the client's socket takes it all");
            Readiness.Signal(SocketEvents.Writable);
        }
    }

    private ReadOnlySpan<byte> Take(Socket socket, int most)
    {
        int taken = 0;
        while (taken < most
            && socket.Receive(_moved.AsSpan(taken, most - taken), SocketFlags.None, out _) is > 0 and int received)
        {
            taken += received;
        }

        return _moved.AsSpan(0, taken);
    }

    // Without a context, like the server's threads, so that a call continues here.
    private static T Freely<T>(Func<T> call)
    {
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return call();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private static OpenSslContext ForServer()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        X509Certificate2 certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return OpenSslContext.ForServer(new ServerCertificate(certificate, []));
    }

    private static unsafe (Socket One, Socket Other) CreateSockets()
    {
        const int unix = 1, stream = 1; // socketpair(2)
        int* ends = stackalloc int[2];
        FuzzTarget.MustHold(SocketPair(unix, stream, 0, ends) == 0, "there is a pair of sockets");
        return (Own(ends[0]), Own(ends[1]));
    }

    private static Socket Own(int descriptor) =>
        new(new SafeSocketHandle(descriptor, ownsHandle: true)) { Blocking = false };

    [LibraryImport("libc", EntryPoint = "socketpair")]
    private static unsafe partial int SocketPair(int domain, int type, int protocol, int* ends);
}
