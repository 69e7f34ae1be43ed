using System.Buffers;
using System.Globalization;
using System.Text;
using ImageIO.Http.Listeners;

namespace ImageIO.Http.Forwarding;

/// <summary>The daemon's end of an upload: sends bytes as they are, or in chunks.</summary>
internal sealed class UploadStream(UpstreamConnection connection, bool isChunked) : AsyncStream
{
    // "ffffffff" and two line ends.
    private const int ChunkFrame = 12;

    /// <inheritdoc />
    public override bool CanWrite => true;

    /// <inheritdoc />
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        buffer.IsEmpty ? ValueTask.CompletedTask
        : isChunked ? WriteChunkAsync(buffer, cancellationToken)
        : connection.WriteAsync(buffer, cancellationToken);

    /// <summary>Does nothing: nothing is held back.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Says that the body is complete.</summary>
    public async ValueTask FinishAsync(CancellationToken cancellationToken)
    {
        if (isChunked)
        {
            await connection.WriteAsync("0\r\n\r\n"u8.ToArray(), cancellationToken);
        }
    }

    // In one piece: each write becomes at least one TLS record and one packet.
    private async ValueTask WriteChunkAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        byte[] chunk = ArrayPool<byte>.Shared.Rent(bytes.Length + ChunkFrame);
        try
        {
            int start = Encoding.ASCII.GetBytes(bytes.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n", chunk);
            bytes.CopyTo(chunk.AsMemory(start));
            "\r\n"u8.CopyTo(chunk.AsSpan(start + bytes.Length));
            await connection.WriteAsync(chunk.AsMemory(0, start + bytes.Length + 2), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
