namespace ImageIO.Tests.Endurance;

/// <summary>
/// The values that each byte of an image may have after a crash: the one that the last successful flush promised, or
/// any that was written since. Thread-safe, for clients that change disjoint bytes.
/// </summary>
internal sealed class DurableBytes
{
    /// <summary>Bytes have values below this.</summary>
    public const int Values = 64;

    // No value is known: a change is under way, or failed.
    private const byte Unknown = byte.MaxValue;

    private readonly Lock _lock = new();

    // Bit n: the byte may have the value n.
    private readonly ulong[] _allowed;

    // The last acknowledged value of each byte.
    private readonly byte[] _acknowledged;
    private readonly List<Flush> _flushes = [];

    /// <summary>An image that holds zeroes.</summary>
    public DurableBytes(int size)
    {
        _allowed = [.. Enumerable.Repeat(1ul, size)];
        _acknowledged = new byte[size];
    }

    /// <summary>A change is sent. From now on the medium may hold it.</summary>
    public void ChangeStarts(int offset, int length, byte value)
    {
        lock (_lock)
        {
            Array.Fill(_acknowledged, Unknown, offset, length);
            foreach (ulong[] values in (ulong[][])[_allowed, .. _flushes.Select(flush => flush.Later)])
            {
                for (int i = offset; i < offset + length; i++)
                {
                    values[i] |= 1ul << value;
                }
            }
        }
    }

    /// <summary>A change was acknowledged; the medium may still lack it.</summary>
    public void ChangeEnds(int offset, int length, byte value)
    {
        lock (_lock)
        {
            Array.Fill(_acknowledged, value, offset, length);
        }
    }

    /// <summary>A change was acknowledged together with its flush.</summary>
    public void ChangeIsFlushed(int offset, int length, byte value)
    {
        lock (_lock)
        {
            Array.Fill(_acknowledged, value, offset, length);
            Array.Fill(_allowed, 1ul << value, offset, length);
        }
    }

    /// <summary>A flush is sent. It covers the changes that were acknowledged before.</summary>
    public Flush FlushStarts()
    {
        lock (_lock)
        {
            var flush = new Flush(_acknowledged.ToArray(), new ulong[_acknowledged.Length]);
            _flushes.Add(flush);
            return flush;
        }
    }

    /// <summary>A flush has ended. If it was acknowledged, the medium has all that it covers.</summary>
    public void FlushEnds(Flush flush, bool isAcknowledged)
    {
        lock (_lock)
        {
            _flushes.Remove(flush);
            for (int i = 0; isAcknowledged && i < _allowed.Length; i++)
            {
                if (flush.Covered[i] != Unknown)
                {
                    _allowed[i] &= (1ul << flush.Covered[i]) | flush.Later[i];
                }
            }
        }
    }

    /// <summary>
    /// The daemon was killed. Its clients know of no unflushed change any more whether it will become durable.
    /// </summary>
    public void DaemonDies()
    {
        lock (_lock)
        {
            for (int i = 0; i < _allowed.Length; i++)
            {
                if ((_allowed[i] & (_allowed[i] - 1)) != 0)
                {
                    _acknowledged[i] = Unknown;
                }
            }
        }
    }

    /// <summary>Fails unless the medium holds what it may hold.</summary>
    public void Check(ReadOnlySpan<byte> medium, string when)
    {
        lock (_lock)
        {
            Assert.Equal(_allowed.Length, medium.Length);
            for (int i = 0; i < medium.Length; i++)
            {
                if (medium[i] >= Values || (_allowed[i] >> medium[i] & 1) == 0)
                {
                    ulong allowed = _allowed[i];
                    int[] values = [.. Enumerable.Range(0, Values).Where(value => (allowed >> value & 1) != 0)];
                    Assert.Fail(
                        $"{when}: byte {i} of the medium is {medium[i]}, it may be {string.Join(" or ", values)}");
                }
            }
        }
    }

    /// <summary>A flush under way.</summary>
    /// <param name="Covered">The acknowledged bytes when it began.</param>
    /// <param name="Later">The values that were written since.</param>
    internal sealed record Flush(byte[] Covered, ulong[] Later);
}
