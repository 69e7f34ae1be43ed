using ImageIO.Core.Ranges;

namespace ImageIO.Tests.Client;

internal sealed partial class FakeImageServer
{
    private void Write(FakeRequest request, byte[] body, bool isAnswered)
    {
        body.CopyTo(_visible, request.Range.Start);
        if (isAnswered)
        {
            Note(request.Connection, request.Range);
        }
    }

    private void Note(int connection, ByteRange range)
    {
        var again = new RangeSet();
        again.Add(range);
        long before = again.Sum;
        foreach (ByteRange stable in _stableRanges.Ranges)
        {
            again.Remove(stable);
        }

        DurableAgain += before - again.Sum;
        _stableRanges.Remove(range);
        _lost.Remove(range);
        _unflushed[connection].Add(range);
    }

    private int Apply(FakeRequest request)
    {
        lock (_lock)
        {
            if (request.Method == "zero")
            {
                _visible.AsSpan((int)request.Range.Start, (int)request.Range.Length).Clear();
                Note(request.Connection, request.Range);
            }
            else if (request.Method == "flush")
            {
                return Flush(request.Connection);
            }
            else if (request.Method == "PUT" && !request.Path.EndsWith("?flush=n", StringComparison.Ordinal))
            {
                return Flush(request.Connection);
            }

            return 200;
        }
    }

    // The reference has a connection of its own to the storage for each of ours: a flush covers only that.
    private int Flush(int connection)
    {
        if (IsOurs && !_lost.IsEmpty)
        {
            return 500;
        }

        IEnumerable<RangeSet> covered = IsOurs ? _unflushed.Values : [_unflushed[connection]];
        foreach (RangeSet unflushed in covered)
        {
            foreach (ByteRange range in unflushed.Ranges)
            {
                _visible.AsSpan((int)range.Start, (int)range.Length).CopyTo(_stable.AsSpan((int)range.Start));
                _stableRanges.Add(range);
            }

            unflushed.Clear();
        }

        return 200;
    }

    private void Crash()
    {
        lock (_lock)
        {
            foreach (RangeSet unflushed in _unflushed.Values)
            {
                if (IsOurs)
                {
                    _lost.Add(unflushed);
                }

                unflushed.Clear();
            }

            _stable.CopyTo(_visible, 0);
            CloseAll();
        }
    }
}
