using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Nbd.Transmission;

/// <summary>Which bytes of a read have arrived. Chunks may come in any order, but each byte once.</summary>
internal sealed class ReadCoverage(ByteRange range)
{
    // Of a server that sends in order there is only this. Behind it lies nothing until an order is broken.
    private long _inOrder = range.Start;
    private RangeSet? _scattered;

    // More pieces than blocks of 512 bytes in the largest request are no honest server's.
    private const int MostPieces = 65536;

    /// <summary>Whether every byte has arrived.</summary>
    public bool IsComplete => _inOrder - range.Start + (_scattered?.Sum ?? 0) == range.Length;

    /// <summary>Notes a chunk.</summary>
    /// <exception cref="NbdException">It is not within the request, or was there before.</exception>
    public ByteRange Add(ulong offset, ulong length)
    {
        if (offset < (ulong)range.Start
            || offset > (ulong)range.End
            || length > (ulong)range.End - offset
            || length == 0)
        {
            throw NbdException.Protocol($"a chunk of {length} bytes at {offset} in the reply to a read of {range}");
        }

        var chunk = ByteRange.At((long)offset, (long)length);
        if (chunk.Start == _inOrder && _scattered is null)
        {
            _inOrder = chunk.End;
            return chunk;
        }

        _scattered ??= new RangeSet();
        long before = _scattered.Sum;
        _scattered.Add(chunk);
        if (chunk.Start < _inOrder || _scattered.Sum != before + chunk.Length)
        {
            throw NbdException.Protocol($"a chunk at {offset} that was sent before, in the reply to a read of {range}");
        }

        return _scattered.Count <= MostPieces
            ? chunk
            : throw NbdException.Protocol($"the reply to a read of {range} in more than {MostPieces} pieces");
    }
}
