namespace ImageIO.Client.Copying;

/// <summary>The next bytes of a worker: scanned first, then taken in order. Used by one task.</summary>
internal sealed class SendWindow(ReadAhead ahead, long start, long end) : IAsyncDisposable
{
    private readonly LinkedList<Filled> _buffers = [];

    /// <summary>The next byte to send.</summary>
    public long Position { get; private set; } = start;

    /// <summary>End of the range.</summary>
    public long End => end;

    /// <summary>End of the bytes that are available for scanning.</summary>
    public long LookedTo => _buffers.Last?.Value.End ?? Position;

    /// <summary>Whether the run that was scanned last consists of zeroes.</summary>
    public bool IsZero { get; private set; }

    public ValueTask DisposeAsync() => ahead.DisposeAsync();

    /// <summary>Waits for this many bytes, or for all. Returns the end of the first run of data or zeroes.</summary>
    public async ValueTask<long> LookAsync(long bytes, CancellationToken cancellationToken)
    {
        while (LookedTo < Math.Min(end, Position + bytes))
        {
            _buffers.AddLast(await ahead.NextAsync(cancellationToken).ConfigureAwait(false));
        }

        long position = Position;
        foreach (Filled filled in _buffers)
        {
            ReadOnlySpan<byte> rest = filled.From(position).Span;
            int run = ZeroScan.RunLength(rest, position, out bool isZero);
            if (position > Position && isZero != IsZero)
            {
                break;
            }

            IsZero = isZero;
            position += run;
            if (run < rest.Length)
            {
                break;
            }
        }

        return position;
    }

    /// <summary>Skips zeroes up to a position, and further while there are more. Returns their end.</summary>
    public async ValueTask<long> SkipZeroesAsync(
        long seen, long most, DigestRun? digests, CancellationToken cancellationToken)
    {
        long start = Position;
        while (true)
        {
            digests?.AppendZeroes(seen - Position);
            MoveTo(seen);
            if (Position >= end || _buffers.Count > 0 || Position - start >= most)
            {
                return Position;
            }

            // All buffers were zero. Scan the next one.
            seen = await LookAsync(1, cancellationToken).ConfigureAwait(false);
            if (!IsZero)
            {
                return Position;
            }
        }
    }

    /// <summary>Some of the next bytes. They remain the next ones until <see cref="Sent"/>.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> NextAsync(int most, CancellationToken cancellationToken)
    {
        if (_buffers.Count == 0)
        {
            _buffers.AddLast(await ahead.NextAsync(cancellationToken).ConfigureAwait(false));
        }

        ReadOnlyMemory<byte> rest = _buffers.First!.Value.From(Position);
        return rest[..Math.Min(rest.Length, most)];
    }

    /// <summary>The next bytes, without taking them. They must have been scanned.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Peek(long length)
    {
        long position = Position;
        foreach (Filled filled in _buffers.TakeWhile(filled => filled.Offset < Position + length))
        {
            ReadOnlyMemory<byte> rest = filled.From(position);
            rest = rest[..(int)Math.Min(rest.Length, Position + length - position)];
            position += rest.Length;
            yield return rest;
        }
    }

    /// <summary>Takes bytes that were sent.</summary>
    public void Sent(int bytes) => MoveTo(Position + bytes);

    private void MoveTo(long position)
    {
        Position = position;
        while (_buffers.First is { } first && first.Value.End <= position)
        {
            ahead.Return(first.Value);
            _buffers.RemoveFirst();
        }
    }
}
