using System.Net.Sockets;
using System.Security.Authentication;
using ImageIO.Core.Errors;
using ImageIO.Http.Listeners.OpenSsl;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// One connection to a daemon. Used by one exchange at a time, which may read and write at once; between exchanges the
/// pool keeps it.
/// </summary>
/// <remarks>
/// Two clocks, one for each direction, run only while the daemon owes something: to take what is sent, or to send what
/// is due. So a daemon that stands still is told from a client that does, and from storage that takes its time.
/// </remarks>
internal sealed class UpstreamConnection : IDisposable
{
    // A daemon's head has a few hundred bytes, a file name in it included.
    private const int LargestHead = 16 * 1024;

    private static readonly byte[] LineEnd = "\r\n"u8.ToArray();
    private static readonly byte[] HeadEnd = "\r\n\r\n"u8.ToArray();

    private readonly Socket _socket;
    private readonly Stream _stream;

    // The stream, when OpenSSL is on the socket.
    private readonly OpenSslClientStream? _secured;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;
    private readonly byte[] _received = new byte[LargestHead];
    private int _start;
    private int _end;

    // Timestamps; 0 while nothing is waited for.
    private long _readingSince;
    private long _writingSince;
    private volatile bool _isOverdue;

    private UpstreamConnection(UpstreamUrl url, Socket socket, Stream stream, TimeSpan patience, TimeProvider time)
    {
        Origin = url.Origin;
        _socket = socket;
        _stream = stream;
        _secured = stream as OpenSslClientStream;
        _patience = patience;
        _time = time;
    }

    /// <summary>The daemon.</summary>
    public string Origin { get; }

    /// <summary>Whether sending to the daemon has failed.</summary>
    public bool HasWriteFailed { get; private set; }

    /// <summary>When it was last given back to the pool: a timestamp.</summary>
    public long IdleSince { get; set; }

    /// <summary>
    /// Whether another request can be sent on it. What has arrived between requests is nothing good: the end of the
    /// connection, or an answer that nobody asked for.
    /// </summary>
    public bool IsUsable => _start == _end
        && (_secured is { } secured ? !secured.HasUnread : _socket.Connected && !_socket.Poll(0, SelectMode.SelectRead));

    /// <summary>Connects to a daemon, with TLS unless its URL is without.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.UpstreamUnreachable"/> or <see cref="TransferError.UpstreamTimedOut"/>.
    /// </exception>
    public static async Task<UpstreamConnection> ConnectAsync(
        UpstreamUrl url, UpstreamSettings settings, UpstreamTls tls, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(settings.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            if (url.IsTls && tls.IsOnSocket)
            {
                OpenSslClientStream secured = await tls.ConnectAsync(url.Host, url.Port, either.Token);
                return new UpstreamConnection(url, secured.Socket, secured, settings.ReadTimeout, time);
            }

            (Socket socket, Stream stream) = await ConnectByPlatformAsync(url, tls, either.Token);
            return new UpstreamConnection(url, socket, stream, settings.ReadTimeout, time);
        }
        catch (Exception e)
        {
            throw e switch
            {
                OperationCanceledException when timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested =>
                    new TransferException(
                        TransferError.UpstreamTimedOut,
                        $"Connecting to {url.Origin} took longer than {settings.ConnectTimeout.TotalSeconds} s",
                        e),
                SocketException or IOException or AuthenticationException =>
                    new TransferException(
                        TransferError.UpstreamUnreachable, $"Connecting to {url.Origin} failed: {Innermost(e).Message}", e),
                _ => e,
            };
        }
    }

    /// <summary>Sends bytes; the daemon must take them.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.UpstreamFailed"/> or <see cref="TransferError.UpstreamTimedOut"/>.
    /// </exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            ValueTask write = _stream.WriteAsync(bytes, cancellationToken);
            if (!write.IsCompleted)
            {
                // Only a real wait is worth the clock.
                Volatile.Write(ref _writingSince, _time.GetTimestamp());
            }

            await write;
        }
        catch (Exception e) when (IsBroken(e))
        {
            HasWriteFailed = true;
            throw Failed(e, "it stopped taking data");
        }
        finally
        {
            Volatile.Write(ref _writingSince, 0);
        }
    }

    /// <summary>Reads bytes of a body.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="isOwed">Whether the daemon must send some within its time.</param>
    /// <param name="cancellationToken">Ends the attempt, and with it the connection.</param>
    /// <returns>0: the daemon has closed the connection.</returns>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.UpstreamFailed"/> or <see cref="TransferError.UpstreamTimedOut"/>.
    /// </exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, bool isOwed, CancellationToken cancellationToken)
    {
        int kept = Math.Min(buffer.Length, _end - _start);
        if (kept > 0)
        {
            _received.AsMemory(_start, kept).CopyTo(buffer);
            _start += kept;
            return kept;
        }

        return await ReceiveAsync(buffer, isOwed, cancellationToken);
    }

    /// <summary>Reads to the end of a line, or of a head when <paramref name="isHead"/>.</summary>
    /// <returns>The bytes without their line ends; valid until the next read.</returns>
    /// <exception cref="TransferException">As reading does; also when the end does not come.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReadLineAsync(bool isHead, bool isOwed, CancellationToken cancellationToken)
    {
        byte[] end = isHead ? HeadEnd : LineEnd;
        int searched = 0;
        while (true)
        {
            int found = _received.AsSpan(_start + searched, _end - _start - searched).IndexOf(end);
            if (found >= 0)
            {
                ReadOnlyMemory<byte> line = _received.AsMemory(_start, searched + found);
                _start += line.Length + end.Length;
                return line;
            }

            searched = Math.Max(0, _end - _start - end.Length + 1);
            if (_start > 0)
            {
                _received.AsSpan(_start, _end - _start).CopyTo(_received);
                (_start, _end) = (0, _end - _start);
            }

            int received = _end < _received.Length
                ? await ReceiveAsync(_received.AsMemory(_end), isOwed, cancellationToken)
                : throw Malformed($"a head of more than {LargestHead} bytes");
            _end += received > 0
                ? received
                : throw new TransferException(TransferError.UpstreamFailed, $"{Origin} closed the connection before it answered");
        }
    }

    /// <summary>The failure of an answer that cannot be understood.</summary>
    public TransferException Malformed(string what) =>
        new(TransferError.UpstreamFailed, $"{Origin} sent an answer that cannot be understood: {what}");

    /// <summary>Ends it if the daemon has kept us waiting for too long.</summary>
    public void EndIfOverdue()
    {
        if (IsOverdue(Volatile.Read(ref _readingSince)) || IsOverdue(Volatile.Read(ref _writingSince)))
        {
            _isOverdue = true;
            Dispose();
        }
    }

    /// <summary>Closes it; what waits for the daemon fails.</summary>
    public void Dispose() => _stream.Dispose();

    private static async Task<(Socket Socket, Stream Stream)> ConnectByPlatformAsync(
        UpstreamUrl url, UpstreamTls tls, CancellationToken cancellationToken)
    {
        // Dual mode: names that have addresses of both families are tried in their order.
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(url.Host, url.Port, cancellationToken);
            var stream = new NetworkStream(socket, ownsSocket: true);
            return (socket, url.IsTls ? await tls.SecureAsync(stream, url.Host, cancellationToken) : stream);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer, bool isOwed, CancellationToken cancellationToken)
    {
        try
        {
            ValueTask<int> read = _stream.ReadAsync(buffer, cancellationToken);
            if (isOwed && !read.IsCompleted)
            {
                Volatile.Write(ref _readingSince, _time.GetTimestamp());
            }

            return await read;
        }
        catch (Exception e) when (IsBroken(e))
        {
            throw Failed(e, "it sent nothing that it owes");
        }
        finally
        {
            Volatile.Write(ref _readingSince, 0);
        }
    }

    private bool IsOverdue(long since) => since != 0 && _time.GetElapsedTime(since) >= _patience;

    private static bool IsBroken(Exception e) => e is IOException or SocketException or ObjectDisposedException;

    private TransferException Failed(Exception e, string whenOverdue) => _isOverdue
        ? new TransferException(
            TransferError.UpstreamTimedOut, $"{Origin} stood still for {_patience.TotalSeconds} s: {whenOverdue}", e)
        : new TransferException(TransferError.UpstreamFailed, $"The connection to {Origin} broke: {Innermost(e).Message}", e);

    private static Exception Innermost(Exception e) => e.GetBaseException();
}
