using ImageIO.Transport.Sockets;

namespace ImageIO.Fuzz.Targets;

/// <summary>Bytes that come in pieces, as from a network.</summary>
/// <param name="bytes">All bytes.</param>
/// <param name="pieces">Determines the lengths of the pieces.</param>
internal sealed class PiecewiseStream(ReadOnlyMemory<byte> bytes, byte pieces) : AsyncStream
{
    private int _position;
    private int _reads;

    public override bool CanRead => true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // From 1 to 64, and not always the same.
        int piece = 1 + ((pieces >> (_reads++ % 4)) & 0x3f);
        int length = Math.Min(Math.Min(piece, buffer.Length), bytes.Length - _position);
        bytes.Slice(_position, length).CopyTo(buffer);
        _position += length;
        return ValueTask.FromResult(length);
    }
}
