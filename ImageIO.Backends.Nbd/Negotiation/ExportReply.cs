using System.Buffers.Binary;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Buffers;

namespace ImageIO.Backends.Nbd.Negotiation;

/// <summary>Collects the properties of an export from a server's replies to GO.</summary>
internal sealed class ExportReply
{
    /// <summary>The information that holds block sizes.</summary>
    public const int BlockSizeInfo = 3;

    private const int ExportInfoType = 0;

    // Defaults for a server that names no sizes (NBD's doc/proto.md). qemu refuses larger payloads, or closes the
    // connection.
    private const int UsualLargestPayload = 32 * 1024 * 1024;

    private ulong? _size;
    private ExportFlags _flags;
    private uint _minimum = 1;
    private uint _maximum = UsualLargestPayload;

    /// <summary>Takes one reply before the acknowledgement.</summary>
    public void Take(OptionReplyType type, ReadOnlyMemory<byte> reply)
    {
        ReadOnlySpan<byte> data = reply.Span;
        if (type != OptionReplyType.Info || data.Length < 2)
        {
            throw NbdException.Protocol($"a reply of type {(uint)type} with {data.Length} bytes to option {Option.Go}");
        }

        switch (BinaryPrimitives.ReadUInt16BigEndian(data))
        {
            case ExportInfoType:
                RequireLength(data, 12);
                _size = BinaryPrimitives.ReadUInt64BigEndian(data[2..]);
                _flags = (ExportFlags)BinaryPrimitives.ReadUInt16BigEndian(data[10..]);
                break;
            case BlockSizeInfo:
                RequireLength(data, 14);
                _minimum = BinaryPrimitives.ReadUInt32BigEndian(data[2..]);
                _maximum = BinaryPrimitives.ReadUInt32BigEndian(data[10..]);
                break;
            default:
                // A name, a description, or an item of a later version.
                break;
        }
    }

    /// <summary>The export, after the server acknowledged GO.</summary>
    /// <exception cref="NbdException">A property is missing or impossible.</exception>
    public ExportInfo ToExport(bool structured, ContextNegotiation contexts)
    {
        if (_size is not { } size || size > long.MaxValue || (_flags & ExportFlags.HasFlags) == 0)
        {
            throw NbdException.Protocol("the export's size or flags are missing or impossible");
        }

        if (_minimum > int.MaxValue || !Alignment.IsBlockSize((int)_minimum))
        {
            throw new NbdException($"the export takes only blocks of {_minimum} bytes, at most 65536 are supported");
        }

        int block = (int)_minimum;
        long payload = Alignment.Down(Math.Min(_maximum, UsualLargestPayload), block);
        return payload >= block
            ? new ExportInfo(
                Alignment.Down((long)size, block),
                _flags,
                block,
                (int)payload,
                structured,
                contexts.Ids.Allocation is not null,
                contexts.Ids.Depth is not null,
                contexts.DirtyBitmap)
            : throw NbdException.Protocol($"requests of at most {_maximum} bytes in blocks of {_minimum}");
    }

    private static void RequireLength(ReadOnlySpan<byte> data, int length)
    {
        if (data.Length != length)
        {
            throw NbdException.Protocol($"information about the export of {data.Length} bytes, expected {length}");
        }
    }
}
