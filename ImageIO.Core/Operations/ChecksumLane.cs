using System.Diagnostics.CodeAnalysis;
using ImageIO.Core.Buffers;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Operations;

/// <summary>A block that a worker of a checksum hashes beside others, and the buffer for its next piece.</summary>
internal sealed class ChecksumLane(AlignedBuffer buffer, int pieceSize) : IDisposable
{
    /// <summary>The block; null if the lane has none now.</summary>
    public long? Block { get; private set; }

    /// <summary>The bytes of the block.</summary>
    public ByteRange Range { get; private set; }

    /// <summary>The bytes of the piece that is read and hashed next.</summary>
    public ByteRange Piece => new(Position, Math.Min(Position + pieceSize, Range.End));

    /// <summary>True as long as all bytes of the block were zeroes. They were not appended to the hash.</summary>
    public bool IsZero { get; private set; }

    /// <summary>True when all pieces of the block were read.</summary>
    [MemberNotNullWhen(true, nameof(Block))]
    public bool IsAtEnd => Block is not null && Position == Range.End;

    /// <summary>How many bytes of the block were read.</summary>
    public long Read => Position - Range.Start;

    private long Position { get; set; }

    /// <summary>The first bytes of the buffer.</summary>
    /// <param name="length">How many, at most a piece.</param>
    public Memory<byte> Buffer(long length) => buffer.Memory[..(int)length];

    /// <summary>Begins a block.</summary>
    public void Begin(long block, ByteRange range)
    {
        Block = block;
        Range = range;
        Position = range.Start;
        IsZero = true;
    }

    /// <summary>The piece has been hashed, or is part of the zeroes at the block's start.</summary>
    public void Advance(bool isZero)
    {
        IsZero = IsZero && isZero;
        Position = Piece.End;
    }

    /// <summary>The block is done.</summary>
    public void End() => Block = null;

    /// <summary>Returns the buffer.</summary>
    public void Dispose() => ((IDisposable)buffer).Dispose();
}
