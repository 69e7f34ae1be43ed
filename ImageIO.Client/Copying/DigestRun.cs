using ImageIO.Hashing;

namespace ImageIO.Client.Copying;

/// <summary>Hashes the bytes of a segment in order. Can be copied, to return to an earlier position.</summary>
internal sealed class DigestRun
{
    private readonly BlockDigests _owner;
    private readonly Blake2b _hash;
    private long _position;

    internal DigestRun(BlockDigests owner, long position)
    {
        _owner = owner;
        _position = position;
        _hash = BlockDigests.NewHash();
    }

    private DigestRun(DigestRun other)
    {
        _owner = other._owner;
        _position = other._position;
        _hash = other._hash.Copy();
    }

    public DigestRun Copy() => new(this);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int length = (int)Math.Min(bytes.Length, Segment.Block - (_position % Segment.Block));
            _hash.Append(bytes[..length]);
            bytes = bytes[length..];
            Advance(length);
        }
    }

    public void AppendZeroes(long length)
    {
        while (length > 0)
        {
            long step = Math.Min(length, Segment.Block - (_position % Segment.Block));
            if (step == Segment.Block)
            {
                _owner.SetZero(_position);
                _position += step;
            }
            else
            {
                BlockDigests.AppendZeroes(_hash, step);
                Advance(step);
            }

            length -= step;
        }
    }

    private void Advance(long length)
    {
        _position += length;
        if (_position % Segment.Block == 0)
        {
            _hash.Finish(_owner.DigestOf(_position - Segment.Block));
        }
        else if (_position == _owner.Size)
        {
            _owner.Tail = _hash.Copy();
        }
    }
}
