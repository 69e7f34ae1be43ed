using System.Buffers;
using System.IO.Pipelines;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Tells of a connection's end only behind its last byte. When the server learns of the end together with bytes that do
/// not complete the request's body, it throws those bytes away: up to 1 MiB of an upload whose client left, which the
/// contract says is written.
/// </summary>
/// <remarks>Only for plain connections: the stream of TLS gives its end by itself, after its bytes.</remarks>
internal sealed class EndLastReader(PipeReader inner) : PipeReader
{
    private ReadOnlySequence<byte> _buffer;

    // Bytes at the front of the next buffer that the server has looked at already.
    private long _examined;

    /// <inheritdoc />
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        Show(await inner.ReadAsync(cancellationToken));

    /// <inheritdoc />
    public override bool TryRead(out ReadResult result)
    {
        bool read = inner.TryRead(out result);
        if (read)
        {
            result = Show(result);
        }

        return read;
    }

    /// <inheritdoc />
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc />
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _examined = _buffer.Slice(consumed, examined).Length;
        _buffer = default;
        inner.AdvanceTo(consumed, examined);
    }

    /// <inheritdoc />
    public override void CancelPendingRead() => inner.CancelPendingRead();

    /// <inheritdoc />
    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    /// <inheritdoc />
    public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

    private ReadResult Show(ReadResult result)
    {
        _buffer = result.Buffer;
        bool hasNews = _buffer.Length > _examined;
        return new ReadResult(_buffer, result.IsCanceled, result.IsCompleted && !hasNews);
    }
}
