using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Adds the body of our errors, a sentence of plain text, to the server's own refusals, which have only a status.
/// </summary>
/// <remarks>
/// Bytes pass through while a request is answered. Between requests the server writes only refusals, which are gathered
/// until they are flushed.
/// </remarks>
/// <param name="inner">The connection's writer.</param>
/// <param name="connection">Knows whether a request is answered.</param>
/// <param name="refused">Receives the status of each refusal.</param>
internal sealed class RefusalWriter(PipeWriter inner, ClientConnection connection, Action<int> refused) : PipeWriter
{
    private const string NoBody = "Content-Length: 0\r\n";
    private const string HeadEnd = "\r\n\r\n";

    private ArrayBufferWriter<byte>? _refusal;

    /// <inheritdoc />
    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    /// <inheritdoc />
    public override long UnflushedBytes => inner.UnflushedBytes;

    private IBufferWriter<byte> Target => connection.IsAnswering ? inner : _refusal ??= new ArrayBufferWriter<byte>();

    /// <inheritdoc />
    public override Memory<byte> GetMemory(int sizeHint = 0) => Target.GetMemory(sizeHint);

    /// <inheritdoc />
    public override Span<byte> GetSpan(int sizeHint = 0) => Target.GetSpan(sizeHint);

    /// <inheritdoc />
    public override void Advance(int bytes) => Target.Advance(bytes);

    /// <inheritdoc />
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_refusal is { } refusal)
        {
            _refusal = null;
            inner.Write(Complete(refusal.WrittenSpan));
        }

        return inner.FlushAsync(cancellationToken);
    }

    /// <inheritdoc />
    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (connection.IsAnswering)
        {
            return inner.WriteAsync(source, cancellationToken);
        }

        this.Write(source.Span);
        return FlushAsync(cancellationToken);
    }

    /// <inheritdoc />
    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    /// <inheritdoc />
    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    /// <inheritdoc />
    public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

    // Status line and headers remain as the server wrote them.
    private byte[] Complete(ReadOnlySpan<byte> answer)
    {
        string head = Encoding.Latin1.GetString(answer);
        if (!head.EndsWith(HeadEnd, StringComparison.Ordinal)
            || !head.Contains(NoBody, StringComparison.Ordinal)
            || !int.TryParse(head.Split(' ', 3)[1], NumberStyles.None, CultureInfo.InvariantCulture, out int status))
        {
            return answer.ToArray();
        }

        connection.IsRefused = true;
        refused(status);
        string text = TextFor(status) + "\n";
        return Encoding.Latin1.GetBytes(
            head.Replace(
                NoBody,
                $"Content-Length: {text.Length}\r\nContent-Type: text/plain; charset=UTF-8\r\n",
                StringComparison.Ordinal)
            + text);
    }

    private static string TextFor(int status) => status switch
    {
        400 => "The request is not valid HTTP/1.1",
        // Some targets belong to one method: * to OPTIONS, HOST:PORT to CONNECT.
        405 => "This target has another method, see Allow",
        408 => "The request did not arrive in time",
        414 => $"The request line is too long, at most {ServiceListeners.LongestRequestLine} bytes are read",
        431 => "The request headers are too large or too many",
        505 => "Unknown HTTP version, expected HTTP/1.1",
        _ => "The request was refused",
    };
}
