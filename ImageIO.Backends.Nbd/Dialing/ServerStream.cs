using System.Net.Sockets;

namespace ImageIO.Backends.Nbd.Dialing;

/// <summary>A connection to a server.</summary>
/// <param name="socket">Connected; owned by the stream.</param>
internal sealed class ServerStream(Socket socket) : NetworkStream(socket, ownsSocket: true)
{
    // tcp(7), the same on all architectures.
    private const int IPPROTO_TCP = 6;
    private const int TCP_QUICKACK = 12;

    private readonly bool _isTcp = socket.ProtocolType == ProtocolType.Tcp;

    /// <summary>
    /// Whether what arrives is acknowledged at once. While negotiating, servers send a reply in several small pieces,
    /// and each waits for the acknowledgement of the one before (Nagle's algorithm), which the kernel delays by 40 ms:
    /// 0.2 s in all.
    /// </summary>
    public bool AcknowledgesAtOnce { get; set; } = true;

    /// <inheritdoc />
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isTcp && AcknowledgesAtOnce)
        {
            // For each read, because the kernel resets the option.
            Socket.SetRawSocketOption(IPPROTO_TCP, TCP_QUICKACK, [1, 0, 0, 0]);
        }

        return base.ReadAsync(buffer, cancellationToken);
    }
}
