namespace ImageIO.Backends.Nbd.Wire;

/// <summary>
/// Reads from a server: headers through a small buffer, payload directly into the caller's memory. For one reader.
/// </summary>
/// <param name="stream">The connection.</param>
/// <param name="time">The clock.</param>
internal sealed class WireReader(Stream stream, TimeProvider time)
{
    /// <summary>Fits many small replies, and is a part of a large one that is too small for its copy to be
    /// measurable.</summary>
    public const int BufferSize = 4096;

    private readonly byte[] _buffer = new byte[BufferSize];
    private int _start;
    private int _end;
    private long _lastReceived = time.GetTimestamp();

    /// <summary>Bytes that were received and not taken yet.</summary>
    public ReadOnlySpan<byte> Buffered => _buffer.AsSpan(_start, _end - _start);

    /// <summary>When bytes last arrived: a timestamp of the clock.</summary>
    public long LastReceived => Volatile.Read(ref _lastReceived);

    /// <summary>Waits until at least <paramref name="count"/> bytes are buffered.</summary>
    /// <param name="count">At most <see cref="BufferSize"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NbdException">The connection ended before.</exception>
    public ValueTask RequireAsync(int count, CancellationToken cancellationToken = default) =>
        _end - _start >= count ? ValueTask.CompletedTask : FillAsync(count, cancellationToken);

    /// <summary>Takes bytes that are buffered.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        ReadOnlySpan<byte> taken = Buffered[..count];
        _start += count;
        return taken;
    }

    /// <summary>Fills memory with the next bytes.</summary>
    /// <exception cref="NbdException">The connection ended before.</exception>
    public async ValueTask ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        int filled = Math.Min(destination.Length, _end - _start);
        Take(filled).CopyTo(destination.Span);
        while (filled < destination.Length)
        {
            filled += await ReceiveAsync(destination[filled..], cancellationToken);
        }
    }

    /// <summary>Skips the next bytes.</summary>
    /// <exception cref="NbdException">The connection ended before.</exception>
    public async ValueTask SkipAsync(long count, CancellationToken cancellationToken = default)
    {
        while (count > 0)
        {
            await RequireAsync(1, cancellationToken);
            count -= Take((int)Math.Min(count, _end - _start)).Length;
        }
    }

    private async ValueTask FillAsync(int count, CancellationToken cancellationToken)
    {
        Buffered.CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        while (_end < count)
        {
            _end += await ReceiveAsync(_buffer.AsMemory(_end), cancellationToken);
        }
    }

    private async ValueTask<int> ReceiveAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        int received = await stream.ReadAsync(destination, cancellationToken);
        Volatile.Write(ref _lastReceived, time.GetTimestamp());
        return received > 0 ? received : throw NbdException.End();
    }
}
