using System.Buffers.Binary;
using ImageIO.Backends.Nbd.Extents;
using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Transmission;

/// <summary>Requests the extents of a range: one list for each metadata context.</summary>
/// <param name="offset">First byte.</param>
/// <param name="length">Bytes.</param>
/// <param name="reply">Receives the extents. In use until the request is complete.</param>
internal sealed class StatusRequest(long offset, uint length, StatusReply reply)
    : NbdRequest(Command.BlockStatus, offset, length)
{
    private const int IdSize = 4;

    // nbdkit sends up to 1,048,576 extents, 8 MiB, in one chunk, qemu 131,072.
    private const uint LongestPayload = 16 * 1024 * 1024;

    public override ValueTask ReadSimpleAsync(WireReader reader) =>
        throw NbdException.Protocol($"a simple reply to {this}");

    public override async ValueTask ReadStatusAsync(WireReader reader, uint length, MetaContexts contexts)
    {
        if (length > LongestPayload
            || length < IdSize + StatusList.EntrySize
            || (length - IdSize) % StatusList.EntrySize != 0)
        {
            throw NbdException.Protocol($"a chunk of extents with {length} bytes");
        }

        await reader.RequireAsync(IdSize);
        uint id = BinaryPrimitives.ReadUInt32BigEndian(reader.Take(IdSize));
        StatusList list = reply.Expecting(id, contexts)
            ?? throw NbdException.Protocol($"extents of the context {id}, which was not granted or was sent before");
        await list.ReadAsync(reader, (int)length - IdSize);
    }

    public override void RequireWhole(MetaContexts contexts)
    {
        if (reply.Received != contexts.Count)
        {
            throw NbdException.Protocol($"the reply to {this} lacks the extents of a context");
        }
    }
}
