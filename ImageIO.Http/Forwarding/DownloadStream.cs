using System.Buffers.Text;
using ImageIO.Core.Errors;
using ImageIO.Http.Listeners;

namespace ImageIO.Http.Forwarding;

/// <summary>The body of a daemon's answer, to where the answer's head says that it ends (RFC 9112 section 6.3).</summary>
internal sealed class DownloadStream : AsyncStream
{
    private readonly Exchange _exchange;
    private readonly UpstreamConnection _connection;
    private readonly bool _isChunked;

    // Bytes to the end of the body, or of the chunk; negative: it ends with the connection.
    private long _left;
    private readonly bool _isCut;
    private bool _isAtEnd;

    // Bytes that were read last. Who reads again has passed them on.
    private int _lastRead;

    /// <summary>Begins behind the head.</summary>
    /// <param name="exchange">Whose answer it is.</param>
    /// <param name="head">The head.</param>
    /// <param name="isHead">Whether the request was HEAD, whose answers have none.</param>
    public DownloadStream(Exchange exchange, ResponseHead head, bool isHead)
    {
        _exchange = exchange;
        _connection = exchange.Connection;
        bool hasNone = isHead || head.Status is 204 or 304;
        _isChunked = head.IsChunked && !hasNone;
        // Cut where the answer's own length was cut; what the daemon still sends then ends with the connection.
        long length = head.ContentLength is { } given ? Math.Min(given, exchange.AnswerLimit) : -1;
        _left = hasNone || _isChunked ? 0 : length;
        _isCut = length < head.ContentLength;
        if (_left == 0 && !_isChunked)
        {
            End();
        }
    }

    /// <inheritdoc />
    public override bool CanRead => true;

    /// <inheritdoc />
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_exchange.Request.CountsBody)
        {
            _exchange.Request.Progress.Add(_lastRead);
        }

        _lastRead = 0;
        if (_left == 0 && _isChunked && !_isAtEnd)
        {
            await StartChunkAsync(cancellationToken);
        }

        if (_isAtEnd || buffer.IsEmpty)
        {
            return 0;
        }

        int most = _left < 0 ? buffer.Length : (int)Math.Min(buffer.Length, _left);
        int read = await _connection.ReadAsync(buffer[..most], isOwed: true, cancellationToken);
        if (read == 0)
        {
            return _left < 0
                ? 0
                : throw new TransferException(
                    TransferError.UpstreamFailed, $"{_connection.Origin} closed the connection in the middle of its answer");
        }

        _lastRead = read;
        if (_left > 0)
        {
            _left -= read;
            await EndPartAsync(cancellationToken);
        }

        return read;
    }

    private async ValueTask EndPartAsync(CancellationToken cancellationToken)
    {
        if (_left > 0)
        {
            return;
        }

        if (!_isChunked)
        {
            End();
        }
        else if (!(await _connection.ReadLineAsync(isHead: false, isOwed: true, cancellationToken)).IsEmpty)
        {
            throw _connection.Malformed("a chunk that does not end where it should");
        }
    }

    private async ValueTask StartChunkAsync(CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> line = await _connection.ReadLineAsync(isHead: false, isOwed: true, cancellationToken);
        if (!Utf8Parser.TryParse(line.Span, out _left, out int digits, 'x') || _left < 0
            || (digits < line.Length && line.Span[digits] is not ((byte)';' or (byte)' ')))
        {
            throw _connection.Malformed("a chunk without a length");
        }

        if (_left == 0)
        {
            // Trailers are nothing that clients of images know.
            while (!(await _connection.ReadLineAsync(isHead: false, isOwed: true, cancellationToken)).IsEmpty)
            {
            }

            End();
        }
    }

    private void End()
    {
        _isAtEnd = true;
        if (!_isCut)
        {
            _exchange.AnswerEnds();
        }
    }
}
