using System.Buffers.Binary;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Negotiation;

/// <summary>Sends options and reads their replies, with limits on the replies.</summary>
internal sealed class OptionChannel(Stream stream, WireReader reader)
{
    // Our own limits: a real server sends a few replies of some hundred bytes.
    private const int LongestReply = 64 * 1024;
    private const int MostReplies = 1000;
    private const int ReplyHeaderSize = 20;

    /// <summary>Sends an option.</summary>
    public async ValueTask SendAsync(Option option, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        byte[] message = new byte[16 + data.Length];
        BinaryPrimitives.WriteUInt64BigEndian(message, Magic.Option);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(8), (uint)option);
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(12), data.Length);
        data.CopyTo(message.AsMemory(16));
        await stream.WriteAsync(message, cancellationToken);
    }

    /// <summary>
    /// Reads replies up to the last one, an acknowledgement or an error. Passes earlier ones to
    /// <paramref name="take"/>.
    /// </summary>
    public async ValueTask<OptionResult> ReceiveAsync(
        Option option, Action<OptionReplyType, ReadOnlyMemory<byte>>? take, CancellationToken cancellationToken)
    {
        for (int i = 0; i <= MostReplies; i++)
        {
            (OptionReplyType type, byte[] data) = await ReceiveOneAsync(option, cancellationToken);
            if (type == OptionReplyType.Ack || (type & OptionReplyType.Error) != 0)
            {
                return new OptionResult(type, ServerText.Of(data));
            }

            if (take is null)
            {
                throw NbdException.Protocol($"a reply of type {(uint)type} to option {option}");
            }

            take(type, data);
        }

        throw NbdException.Protocol($"more than {MostReplies} replies to option {option}");
    }

    private async ValueTask<(OptionReplyType Type, byte[] Data)> ReceiveOneAsync(
        Option option, CancellationToken cancellationToken)
    {
        await reader.RequireAsync(ReplyHeaderSize, cancellationToken);
        (OptionReplyType type, int length) = ParseHeader(option);
        byte[] data = new byte[length];
        await reader.ReadAsync(data, cancellationToken);
        return (type, data);
    }

    private (OptionReplyType Type, int Length) ParseHeader(Option option)
    {
        ReadOnlySpan<byte> header = reader.Take(ReplyHeaderSize);
        ulong magic = BinaryPrimitives.ReadUInt64BigEndian(header);
        uint answered = BinaryPrimitives.ReadUInt32BigEndian(header[8..]);
        var type = (OptionReplyType)BinaryPrimitives.ReadUInt32BigEndian(header[12..]);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header[16..]);
        if (magic != Magic.OptionReply || answered != (uint)option)
        {
            throw NbdException.Protocol($"no reply to option {option} where one had to come");
        }

        return length <= LongestReply
            ? (type, (int)length)
            : throw NbdException.Protocol($"a reply of {length} bytes to option {option}");
    }
}
