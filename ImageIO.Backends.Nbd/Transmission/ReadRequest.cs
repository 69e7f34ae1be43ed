using System.Buffers.Binary;
using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Nbd.Transmission;

/// <summary>A read. Its bytes go from the socket into the caller's memory.</summary>
/// <param name="destination">Filled completely. In use until the request is complete.</param>
/// <param name="offset">First byte.</param>
internal sealed class ReadRequest(Memory<byte> destination, long offset)
    : NbdRequest(Command.Read, offset, (uint)destination.Length)
{
    private const int OffsetSize = 8;
    private const int HoleSize = 12;

    private readonly ReadCoverage _coverage = new(ByteRange.At(offset, destination.Length));

    public override ValueTask ReadSimpleAsync(WireReader reader) => reader.ReadAsync(destination);

    public override async ValueTask ReadDataAsync(WireReader reader, uint length)
    {
        if (length <= OffsetSize)
        {
            throw NbdException.Protocol($"a chunk of data with {length} bytes");
        }

        await reader.RequireAsync(OffsetSize);
        ByteRange chunk = _coverage.Add(
            BinaryPrimitives.ReadUInt64BigEndian(reader.Take(OffsetSize)), length - OffsetSize);
        await reader.ReadAsync(MemoryOf(chunk));
    }

    public override async ValueTask ReadHoleAsync(WireReader reader, uint length)
    {
        if (length != HoleSize)
        {
            throw NbdException.Protocol($"a chunk for a hole with {length} bytes");
        }

        await reader.RequireAsync(HoleSize);
        MemoryOf(TakeHole(reader.Take(HoleSize))).Span.Clear();
    }

    public override void RequireWhole(MetaContexts contexts)
    {
        if (!_coverage.IsComplete)
        {
            throw NbdException.Protocol($"the reply to {this} ended before all bytes were there");
        }
    }

    private ByteRange TakeHole(ReadOnlySpan<byte> payload) => _coverage.Add(
        BinaryPrimitives.ReadUInt64BigEndian(payload), BinaryPrimitives.ReadUInt32BigEndian(payload[OffsetSize..]));

    private Memory<byte> MemoryOf(ByteRange chunk) => destination.Slice((int)(chunk.Start - Offset), (int)chunk.Length);
}
