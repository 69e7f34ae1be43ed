using System.Buffers.Binary;

namespace ImageIO.Backends.Nbd.Wire;

/// <summary>The head of a request; the bytes to write follow it.</summary>
internal readonly record struct RequestHeader(
    CommandFlags Flags, Command Command, ulong Cookie, long Offset, uint Length)
{
    /// <summary>Bytes of a head.</summary>
    public const int Size = 28;

    /// <summary>Writes the head.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, Magic.Request);
        BinaryPrimitives.WriteUInt16BigEndian(destination[4..], (ushort)Flags);
        BinaryPrimitives.WriteUInt16BigEndian(destination[6..], (ushort)Command);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Cookie);
        BinaryPrimitives.WriteInt64BigEndian(destination[16..], Offset);
        BinaryPrimitives.WriteUInt32BigEndian(destination[24..], Length);
    }
}
