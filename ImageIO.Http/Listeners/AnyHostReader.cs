using System.Buffers;
using System.IO.Pipelines;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Makes the HTTP server serve requests with any <c>Host</c> header or none, because nothing here routes by host. The
/// server would answer 400, so it is shown a header that it accepts.
/// </summary>
/// <remarks>
/// Used in all services. Requests with an ordinary Host, and all bodies, pass unchanged and are not copied. The server
/// judges everything else in a request.
/// </remarks>
/// <param name="inner">The client's bytes.</param>
internal sealed class AnyHostReader(PipeReader inner) : PipeReader
{
    private readonly RequestFraming _request = new();

    // The result of the last read.
    private ReadOnlySequence<byte> _shown;

    // Bytes of whole lines at the start of the next read that were examined already.
    private long _scanned;

    // The remaining part of a head that was completed here. Empty: the server is shown the client's bytes.
    private ReadOnlySequence<byte> _completedHead;

    /// <inheritdoc />
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (!_completedHead.IsEmpty)
        {
            return ValueTask.FromResult(ShowCompletedHead());
        }

        ValueTask<ReadResult> read = inner.ReadAsync(cancellationToken);
        return read.IsCompletedSuccessfully ? ValueTask.FromResult(Show(read.Result)) : ShowAsync(read);
    }

    /// <inheritdoc />
    public override bool TryRead(out ReadResult result)
    {
        if (!_completedHead.IsEmpty)
        {
            result = ShowCompletedHead();
            return true;
        }

        if (!inner.TryRead(out result))
        {
            return false;
        }

        result = Show(result);
        return true;
    }

    /// <inheritdoc />
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc />
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (!_completedHead.IsEmpty)
        {
            _completedHead = _completedHead.Slice(consumed);
            return;
        }

        ReadOnlySequence<byte> passed = _shown.Slice(0, consumed);
        _scanned = Math.Max(0, _scanned - passed.Length);
        _request.Pass(passed);
        _shown = default;
        inner.AdvanceTo(consumed, examined);
    }

    /// <inheritdoc />
    public override void CancelPendingRead() => inner.CancelPendingRead();

    /// <inheritdoc />
    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    /// <inheritdoc />
    public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

    private async ValueTask<ReadResult> ShowAsync(ValueTask<ReadResult> read) => Show(await read);

    private ReadResult Show(ReadResult read)
    {
        _shown = read.Buffer;
        if (_request.IsHeadComplete)
        {
            return read;
        }

        var reader = new SequenceReader<byte>(_shown.Slice(_scanned));
        while (reader.TryReadTo(out ReadOnlySequence<byte> line, (byte)'\n'))
        {
            long lineStart = _scanned;
            _scanned += line.Length + 1;
            if (!_request.AddLine(line))
            {
                continue;
            }

            // The head is complete; this is the empty line after it.
            long headLength = _scanned;
            _scanned = 0;
            if (_request.HasHost)
            {
                _request.BodyBeginsAfter(headLength);
                break;
            }

            _completedHead = Complete(_shown.Slice(0, lineStart), _shown.Slice(lineStart, headLength - lineStart));
            _request.BodyBeginsAfter(0);
            inner.AdvanceTo(_shown.GetPosition(headLength));
            return ShowCompletedHead();
        }

        return read;
    }

    private ReadResult ShowCompletedHead() => new(_completedHead, isCanceled: false, isCompleted: false);

    private static ReadOnlySequence<byte> Complete(ReadOnlySequence<byte> lines, ReadOnlySequence<byte> emptyLine) =>
        new([.. lines.ToArray(), .. "Host: localhost\r\n"u8, .. emptyLine.ToArray()]);
}
