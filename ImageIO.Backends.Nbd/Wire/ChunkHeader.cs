using System.Buffers.Binary;

namespace ImageIO.Backends.Nbd.Wire;

/// <summary>The header of a chunk. Its payload follows.</summary>
internal readonly ref struct ChunkHeader(ReadOnlySpan<byte> bytes)
{
    /// <summary>Bytes of a head.</summary>
    public const int Size = 20;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Whether it is the last chunk of its reply.</summary>
    public bool IsLast => (BinaryPrimitives.ReadUInt16BigEndian(_bytes[4..]) & 1) != 0;

    /// <summary>The kind of payload.</summary>
    public ChunkType Type => (ChunkType)BinaryPrimitives.ReadUInt16BigEndian(_bytes[6..]);

    /// <summary>The request that it answers.</summary>
    public ulong Cookie => BinaryPrimitives.ReadUInt64BigEndian(_bytes[8..]);

    /// <summary>Bytes of the payload.</summary>
    public uint Length => BinaryPrimitives.ReadUInt32BigEndian(_bytes[16..]);
}
