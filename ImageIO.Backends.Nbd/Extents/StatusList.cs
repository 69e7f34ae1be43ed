using System.Buffers.Binary;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Extents;

/// <summary>
/// The extents of one metadata context in one reply, in wire format: pairs of length and flags. Its memory is reused
/// for the next reply, and grows to the largest one.
/// </summary>
internal sealed class StatusList
{
    /// <summary>Bytes of one extent.</summary>
    public const int EntrySize = 8;

    private byte[] _entries = [];

    /// <summary>Number of extents. 0: the context was not granted.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of all extents together.</summary>
    public long TotalLength { get; private set; }

    /// <summary>Forgets the last reply.</summary>
    public void Clear() => (Count, TotalLength) = (0, 0);

    /// <summary>Fills the list with the next bytes of a connection.</summary>
    /// <param name="reader">The connection.</param>
    /// <param name="bytes">A multiple of <see cref="EntrySize"/>.</param>
    /// <exception cref="NbdException">An extent has no length.</exception>
    public async ValueTask ReadAsync(WireReader reader, int bytes)
    {
        if (_entries.Length < bytes)
        {
            _entries = GC.AllocateUninitializedArray<byte>(bytes);
        }

        await reader.ReadAsync(_entries.AsMemory(0, bytes));
        long total = 0;
        for (int i = 0; i < bytes; i += EntrySize)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(_entries.AsSpan(i));
            if (length == 0)
            {
                throw NbdException.Protocol("an extent without a length");
            }

            total += length;
        }

        (Count, TotalLength) = (bytes / EntrySize, total);
    }

    /// <summary>Bytes of an extent.</summary>
    public uint LengthOf(int index) => BinaryPrimitives.ReadUInt32BigEndian(_entries.AsSpan(index * EntrySize));

    /// <summary>The flags of an extent.</summary>
    public uint FlagsOf(int index) => BinaryPrimitives.ReadUInt32BigEndian(_entries.AsSpan((index * EntrySize) + 4));
}
