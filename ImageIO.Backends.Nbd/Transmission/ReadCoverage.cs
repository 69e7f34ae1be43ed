using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Nbd.Transmission;

/// <summary>Tracks which bytes of a read have arrived. Chunks may come in any order, but each byte only once.</summary>
internal sealed class ReadCoverage(ByteRange range)
{
    // The end of the bytes that arrived in order, which is all with most servers.
    private long _inOrder = range.Start;
    private RangeSet? _scattered;

    // The largest request has fewer blocks of 512 bytes, so an honest server never sends more pieces.
    private const int MostPieces = 65536;

    /// <summary>Whether every byte has arrived.</summary>
    public bool IsComplete => _inOrder - range.Start + (_scattered?.Sum ?? 0) == range.Length;

    /// <summary>Records a chunk.</summary>
    /// <exception cref="NbdException">It is outside of the request, or overlaps an earlier one.</exception>
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
