using System.Diagnostics.CodeAnalysis;
using ImageIO.Core.Buffers;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Operations;

/// <summary>A block that a worker of a checksum hashes beside others, and the buffer for its next piece.</summary>
internal sealed class ChecksumLane(AlignedBuffer buffer, int pieceSize) : IDisposable
{
    private ByteRange _range;
    private long _position;

    /// <summary>The block; null if the lane has none now.</summary>
    public ChecksumBlock? Block { get; private set; }

    /// <summary>The bytes of the piece that is read and hashed next.</summary>
    public ByteRange Piece => ByteRange.At(_position, Math.Min(pieceSize, _range.End - _position));

    /// <summary>True as long as all bytes of the block were zeroes. They were not appended to the hash.</summary>
    public bool IsZero { get; private set; }

    /// <summary>True when all pieces of the block were read.</summary>
    [MemberNotNullWhen(true, nameof(Block))]
    public bool IsAtEnd => Block is not null && _position == _range.End;

    /// <summary>How many bytes of the block were read.</summary>
    public long Read => _position - _range.Start;

    /// <summary>The first bytes of the buffer.</summary>
    /// <param name="length">How many, at most a piece.</param>
    public Memory<byte> Buffer(long length) => buffer.Memory[..(int)length];

    /// <summary>Begins a block.</summary>
    public void Begin(ChecksumBlock block)
    {
        Block = block;
        _range = block.Range;
        _position = _range.Start;
        IsZero = true;
    }

    /// <summary>The piece has been hashed, or is part of the zeroes at the block's start.</summary>
    public void Advance(bool isZero)
    {
        IsZero = IsZero && isZero;
        _position = Piece.End;
    }

    /// <summary>The block is done.</summary>
    public void End() => Block = null;

    /// <summary>Returns the buffer.</summary>
    public void Dispose() => ((IDisposable)buffer).Dispose();
}
