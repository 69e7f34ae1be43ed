using System.Buffers.Binary;

namespace ImageIO.Backends.Nbd.Wire;

/// <summary>A reply without a length; the bytes of a read follow it.</summary>
internal readonly ref struct SimpleReply(ReadOnlySpan<byte> bytes)
{
    /// <summary>Bytes of the reply. Shorter than a chunk's header, so this many can always be awaited.</summary>
    public const int Size = 16;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>The result.</summary>
    public NbdError Error => (NbdError)BinaryPrimitives.ReadUInt32BigEndian(_bytes[4..]);

    /// <summary>The request that it answers.</summary>
    public ulong Cookie => BinaryPrimitives.ReadUInt64BigEndian(_bytes[8..]);
}
