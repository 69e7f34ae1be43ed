using System.Threading.Channels;
using ImageIO.Core.Buffers;
using ImageIO.Core.Ranges;
using ImageIO.Formats;

namespace ImageIO.Client.Copying;

/// <summary>Reads a range of the source into a ring of buffers, ahead of sending.</summary>
internal sealed class ReadAhead : IAsyncDisposable
{
    private readonly Channel<Filled> _filled = Channel.CreateUnbounded<Filled>();
    private readonly Channel<Memory<byte>> _free = Channel.CreateUnbounded<Memory<byte>>();
    private readonly CancellationTokenSource _cancel;
    private readonly Task _reading;

    /// <param name="source">The source. Its calls may block.</param>
    /// <param name="range">The bytes.</param>
    /// <param name="buffers">The ring. Free again when this object is disposed.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public ReadAhead(
        UnalignedAccess source, ByteRange range, IEnumerable<Memory<byte>> buffers, CancellationToken cancellationToken)
    {
        foreach (Memory<byte> buffer in buffers)
        {
            _free.Writer.TryWrite(buffer);
        }

        _cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _reading = Task.Run(() => ReadAsync(source, range, _cancel.Token), CancellationToken.None);
    }

    /// <summary>The next bytes. There must be some.</summary>
    public async ValueTask<Filled> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _filled.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException e) when (e.InnerException is { } cause)
        {
            throw cause is OperationCanceledException
                ? new OperationCanceledException(cancellationToken)
                : new SourceException(cause);
        }
    }

    /// <summary>Gives a buffer back to the ring.</summary>
    public void Return(Filled filled) => _free.Writer.TryWrite(filled.Buffer);

    public async ValueTask DisposeAsync()
    {
        await _cancel.CancelAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _cancel.Dispose();
    }

    private async Task ReadAsync(UnalignedAccess source, ByteRange range, CancellationToken cancellationToken)
    {
        try
        {
            for (long position = range.Start; position < range.End;)
            {
                Memory<byte> buffer = await _free.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                // To the next multiple of the buffer's length, to align later reads.
                long end = Math.Min(range.End, Alignment.Down(position + buffer.Length, buffer.Length));
                Memory<byte> data = buffer[..(int)(end - position)];
                await source.ReadAsync(data, position, cancellationToken).ConfigureAwait(false);
                _filled.Writer.TryWrite(new Filled(position, data, buffer));
                position = end;
            }
        }
        catch (Exception e)
        {
            // Thrown to the reader of the bytes.
            _filled.Writer.TryComplete(e);
        }
    }
}
