using System.Net.Sockets;
using ImageIO.Core.Errors;
using ImageIO.Http.Heads;
using ImageIO.Transport.Tls;

namespace ImageIO.Http.Forwarding;

/// <summary>
/// One connection to a daemon. Used by one exchange at a time, which may read and write at once; kept by the pool
/// between exchanges.
/// </summary>
/// <remarks>
/// Two clocks, one per direction, run only while the daemon must act: take bytes, or send an answer that is due. So a
/// stalled daemon can be distinguished from a stalled client and from slow storage.
/// </remarks>
internal sealed class UpstreamConnection : IDisposable
{
    // A daemon's head has a few hundred bytes, including a file name.
    private const int LargestHead = 16 * 1024;

    private const string OfHead = "head";
    private const string OfBody = "body";

    private static readonly byte[] LineEnd = "\r\n"u8.ToArray();
    private static readonly byte[] HeadEnd = "\r\n\r\n"u8.ToArray();

    private readonly Socket _socket;
    private readonly Stream _stream;

    // The stream, when it is over TLS.
    private readonly OpenSslClientStream? _secured;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;
    private readonly byte[] _received = new byte[LargestHead];
    private int _start;
    private int _end;

    // Timestamps. 0: not waiting.
    private long _readingSince;
    private long _writingSince;

    // The parts of the messages that are being received and sent, for error messages.
    private string _receivedPart = OfHead;
    private string _sentPart = OfHead;

    // Why the connection was closed for its delay. Both directions fail then, and both give this one reason.
    private volatile string? _overdue;

    /// <summary>Takes over a connection.</summary>
    /// <param name="origin">The daemon.</param>
    /// <param name="socket">The socket; <paramref name="stream"/> owns it.</param>
    /// <param name="stream">The plain bytes in both directions.</param>
    /// <param name="patience">How long the daemon may move no byte while it owes one.</param>
    /// <param name="time">The clock.</param>
    public UpstreamConnection(string origin, Socket socket, Stream stream, TimeSpan patience, TimeProvider time)
    {
        Origin = origin;
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

    /// <summary>Timestamp of its return to the pool.</summary>
    public long IdleSince { get; set; }

    /// <summary>
    /// Whether it can take another request. Bytes that arrived between requests are the end of the connection, or an
    /// answer without a request.
    /// </summary>
    public bool IsUsable => _start == _end
        && (_secured is { } secured ? !secured.HasUnread : _socket.Connected
            && !_socket.Poll(0, SelectMode.SelectRead));

    /// <summary>Sends the head of a request.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.UpstreamFailed"/> or <see cref="TransferError.UpstreamTimedOut"/>.
    /// </exception>
    public ValueTask WriteHeadAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        WriteAsync(bytes, OfHead, cancellationToken);

    /// <summary>Sends bytes of the body of a request.</summary>
    /// <inheritdoc cref="WriteHeadAsync" path="/exception" />
    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        WriteAsync(bytes, OfBody, cancellationToken);

    /// <summary>Reads the head of an answer, after any interim ones.</summary>
    /// <param name="isOwed">Whether the daemon must send it within its time.</param>
    /// <param name="cancellationToken">Ends the attempt and the connection.</param>
    /// <param name="orContinue">Whether to return the permission to send a body, too.</param>
    /// <inheritdoc cref="WriteHeadAsync" path="/exception" />
    public async ValueTask<AnswerHead> ReadAnswerAsync(
        bool isOwed, CancellationToken cancellationToken, bool orContinue = false)
    {
        while (true)
        {
            ReadOnlyMemory<byte> head = await ReadToAsync(HeadEnd, OfHead, isOwed, cancellationToken);
            AnswerHead answer = Parse(head.Span);
            if (!answer.IsInformational || (orContinue && answer.Status == AnswerHead.Continue))
            {
                return answer;
            }

            if (answer.Status == AnswerHead.SwitchingProtocols)
            {
                throw Malformed("it switches to another protocol");
            }
        }
    }

    /// <summary>Reads a line of a chunked body, valid until the next read.</summary>
    /// <inheritdoc cref="WriteHeadAsync" path="/exception" />
    public ValueTask<ReadOnlyMemory<byte>> ReadLineAsync(CancellationToken cancellationToken) =>
        ReadToAsync(LineEnd, OfBody, isOwed: true, cancellationToken);

    /// <summary>Reads bytes of the body of an answer.</summary>
    /// <returns>0: the daemon has closed the connection.</returns>
    /// <inheritdoc cref="WriteHeadAsync" path="/exception" />
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int kept = Math.Min(buffer.Length, _end - _start);
        if (kept > 0)
        {
            _received.AsMemory(_start, kept).CopyTo(buffer);
            _start += kept;
            return kept;
        }

        return await ReceiveAsync(buffer, OfBody, isOwed: true, cancellationToken);
    }

    /// <summary>The failure of a malformed answer.</summary>
    public TransferException Malformed(string what, Exception? cause = null) =>
        new(TransferError.UpstreamFailed, $"The answer of {Origin} cannot be understood: {what}", cause);

    /// <summary>The failure of an answer that ends early.</summary>
    public TransferException Truncated(string part) =>
        new(TransferError.UpstreamFailed, $"{Origin} broke off before the end of the answer's {part}");

    /// <summary>Closes the connection if the daemon has stalled for too long.</summary>
    public void EndIfOverdue()
    {
        // Sending first: an answer cannot be expected before the daemon has taken the request.
        if (IsOverdue(Volatile.Read(ref _writingSince)))
        {
            _overdue = $"{Origin} took nothing of the request's {_sentPart} for {_patience.TotalSeconds} s";
        }
        else if (IsOverdue(Volatile.Read(ref _readingSince)))
        {
            _overdue = $"{Origin} sent nothing of the answer's {_receivedPart} for {_patience.TotalSeconds} s";
        }
        else
        {
            return;
        }

        Dispose();
    }

    /// <summary>Closes the connection; pending calls fail.</summary>
    public void Dispose() => _stream.Dispose();

    private AnswerHead Parse(ReadOnlySpan<byte> head)
    {
        try
        {
            return AnswerHead.Parse(head);
        }
        catch (FormatException e)
        {
            throw Malformed(e.Message, e);
        }
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, string part, CancellationToken cancellationToken)
    {
        _sentPart = part;
        try
        {
            ValueTask write = _stream.WriteAsync(bytes, cancellationToken);
            if (!write.IsCompleted)
            {
                // Only a real wait reads the clock.
                Volatile.Write(ref _writingSince, _time.GetTimestamp());
            }

            await write;
        }
        catch (Exception e) when (IsBroken(e))
        {
            HasWriteFailed = true;
            throw _overdue is { } reason
                ? TimedOut(reason, e)
                : Failed($"Sending the request's {part} to {Origin} failed", e);
        }
        finally
        {
            Volatile.Write(ref _writingSince, 0);
        }
    }

    // The bytes before a delimiter, valid until the next read.
    private async ValueTask<ReadOnlyMemory<byte>> ReadToAsync(
        byte[] end, string part, bool isOwed, CancellationToken cancellationToken)
    {
        int searched = 0;
        while (true)
        {
            int found = _received.AsSpan(_start + searched, _end - _start - searched).IndexOf(end);
            if (found >= 0)
            {
                ReadOnlyMemory<byte> bytes = _received.AsMemory(_start, searched + found);
                _start += bytes.Length + end.Length;
                return bytes;
            }

            searched = Math.Max(0, _end - _start - end.Length + 1);
            if (_start > 0)
            {
                _received.AsSpan(_start, _end - _start).CopyTo(_received);
                (_start, _end) = (0, _end - _start);
            }

            int received = _end < _received.Length
                ? await ReceiveAsync(_received.AsMemory(_end), part, isOwed, cancellationToken)
                : throw Malformed($"a line or head of its {part} has more than {LargestHead} bytes");
            _end += received > 0 ? received : throw Truncated(part);
        }
    }

    private async ValueTask<int> ReceiveAsync(
        Memory<byte> buffer, string part, bool isOwed, CancellationToken cancellationToken)
    {
        _receivedPart = part;
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
            throw _overdue is { } reason
                ? TimedOut(reason, e)
                : Failed($"Receiving the answer's {part} from {Origin} failed", e);
        }
        finally
        {
            Volatile.Write(ref _readingSince, 0);
        }
    }

    private bool IsOverdue(long since) => since != 0 && _time.GetElapsedTime(since) >= _patience;

    private static bool IsBroken(Exception e) => e is IOException or SocketException or ObjectDisposedException;

    private static TransferException TimedOut(string what, Exception cause) =>
        new(TransferError.UpstreamTimedOut, what, cause);

    private static TransferException Failed(string what, Exception cause) =>
        new(TransferError.UpstreamFailed, $"{what}: {cause.GetBaseException().Message}", cause);
}
