using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

/// <summary>
/// Records which ranges were acknowledged, by the worker's connection, and which of them are durable: covered by a
/// flush that started afterwards. Thread-safe.
/// </summary>
/// <remarks>
/// A killed server may have lost all acknowledged writes without a flush, and a client cannot see such a restart. So
/// only durable ranges are done.
/// </remarks>
/// <param name="workers">Number of workers. They are numbered from 0.</param>
/// <param name="coversAll">
/// Whether a flush on one connection covers all connections, as with ImageIO's servers. The reference has a storage
/// connection per client connection, and a flush may cover only that.
/// </param>
internal sealed class DurabilityLedger(int workers, bool coversAll)
{
    private readonly Lock _lock = new();
    private readonly Answered[] _answered = [.. Enumerable.Range(0, workers).Select(_ => new Answered())];
    private readonly RangeSet _durable = new();

    /// <summary>Durable ranges, in ascending order.</summary>
    public ByteRange[] Durable
    {
        get
        {
            lock (_lock)
            {
                return [.. _durable.Ranges];
            }
        }
    }

    /// <summary>Adds ranges that are durable already, from an earlier run or because the server flushed them.</summary>
    public void AddDurable(params IEnumerable<ByteRange> ranges)
    {
        lock (_lock)
        {
            foreach (ByteRange range in ranges)
            {
                _durable.Add(range);
            }
        }
    }

    /// <summary>Records an acknowledged range.</summary>
    public void Add(int worker, ByteRange range, bool isZero)
    {
        lock (_lock)
        {
            _answered[worker].Add(range, isZero);
        }
    }

    /// <summary>Bytes that a worker's next flush makes durable.</summary>
    public long Unflushed(int worker)
    {
        lock (_lock)
        {
            return Covered(worker).Sum(one => _answered[one].Bytes);
        }
    }

    /// <summary>The ranges that a flush will cover. Call it before the flush is sent.</summary>
    public IReadOnlyList<(int Worker, ByteRange Range)> BeginFlush(int worker)
    {
        lock (_lock)
        {
            return [.. Covered(worker).SelectMany(one => _answered[one].Ranges.Select(range => (one, range)))];
        }
    }

    /// <summary>Records a successful flush.</summary>
    public void EndFlush(IReadOnlyList<(int Worker, ByteRange Range)> covered)
    {
        lock (_lock)
        {
            foreach ((int worker, ByteRange range) in covered)
            {
                _answered[worker].Remove(range);
                _durable.Add(range);
            }
        }
    }

    /// <summary>Removes all ranges that may be lost with a worker's connection; they must be sent again.</summary>
    /// <param name="worker">The worker's number. Null: all.</param>
    public (ByteRange[] Data, ByteRange[] Zeroes) TakeLost(int? worker)
    {
        lock (_lock)
        {
            var data = new RangeSet();
            var zeroes = new RangeSet();
            foreach (Answered one in worker is { } number ? [_answered[number]] : _answered)
            {
                one.MoveTo(data, zeroes);
            }

            return ([.. data.Ranges], [.. zeroes.Ranges]);
        }
    }

    private IEnumerable<int> Covered(int worker) => coversAll ? Enumerable.Range(0, workers) : [worker];

    private sealed class Answered
    {
        private readonly RangeSet _data = new();
        private readonly RangeSet _zeroes = new();

        public long Bytes => _data.Sum + _zeroes.Sum;

        public IEnumerable<ByteRange> Ranges => _data.Ranges.Concat(_zeroes.Ranges);

        public void Add(ByteRange range, bool isZero)
        {
            (isZero ? _zeroes : _data).Add(range);
            (isZero ? _data : _zeroes).Remove(range);
        }

        public void Remove(ByteRange range)
        {
            _data.Remove(range);
            _zeroes.Remove(range);
        }

        public void MoveTo(RangeSet data, RangeSet zeroes)
        {
            data.Add(_data);
            zeroes.Add(_zeroes);
            _data.Clear();
            _zeroes.Clear();
        }
    }
}
