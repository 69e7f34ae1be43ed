using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

/// <summary>
/// What was answered with 200, by the worker whose connection carried it, and what of that is durable: covered by a flush
/// that began after the answer. Thread-safe.
/// </summary>
/// <remarks>
/// A server killed with answered writes that were not flushed may have lost all of them, and a client cannot see such a
/// restart. So only what is durable is done.
/// </remarks>
/// <param name="workers">How many there are; they are numbered from 0.</param>
/// <param name="coversAll">
/// Whether a flush on one connection covers all others: so with ImageIO's servers. The reference has a connection of its
/// own to the storage for each, and a flush there may cover only that.
/// </param>
internal sealed class DurabilityLedger(int workers, bool coversAll)
{
    private readonly Lock _lock = new();
    private readonly Answered[] _answered = [.. Enumerable.Range(0, workers).Select(_ => new Answered())];
    private readonly RangeSet _durable = new();

    /// <summary>Ranges that are durable, in ascending order.</summary>
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

    /// <summary>Takes over what is durable already: what an earlier run wrote, or what the server flushed by itself.</summary>
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

    /// <summary>A range was answered.</summary>
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

    /// <summary>To be called before a flush is sent: what it will cover.</summary>
    public IReadOnlyList<(int Worker, ByteRange Range)> BeginFlush(int worker)
    {
        lock (_lock)
        {
            return [.. Covered(worker).SelectMany(one => _answered[one].Ranges.Select(range => (one, range)))];
        }
    }

    /// <summary>The flush succeeded.</summary>
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

    /// <summary>Takes out everything that may be lost with a worker's connection, or with all: it must be sent again.</summary>
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
