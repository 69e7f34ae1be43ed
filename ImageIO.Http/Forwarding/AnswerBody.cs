using ImageIO.Core.Errors;
using ImageIO.Http.Heads;
using ImageIO.Transport.Sockets;

namespace ImageIO.Http.Forwarding;

/// <summary>The body of a daemon's answer. Never reads beyond its end.</summary>
/// <param name="daemon">The connection, after the answer's head.</param>
/// <param name="framing">How the end of the body is found.</param>
internal sealed class AnswerBody(UpstreamConnection daemon, BodyFraming framing) : AsyncStream
{
    // Trailers are of no use to clients of images. A daemon that sends more is faulty.
    private const int LargestTrailers = 16 * 1024;

    // Bytes to the end of the body, or of the chunk.
    private long _left = framing.Length ?? 0;

    /// <inheritdoc />
    public override bool CanRead => true;

    /// <summary>Whether the body was read to its end.</summary>
    public bool IsAtEnd { get; private set; } = framing.Length == 0;

    /// <summary>Reads some bytes; 0 at the end.</summary>
    /// <exception cref="TransferException">
    /// The body is cut or malformed (<see cref="TransferError.UpstreamFailed"/>), or the daemon stalls.
    /// </exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0 && framing.IsChunked && !IsAtEnd)
        {
            await StartChunkAsync(cancellationToken);
        }

        if (IsAtEnd || buffer.IsEmpty)
        {
            return 0;
        }

        if (framing.EndsWithConnection)
        {
            int rest = await daemon.ReadAsync(buffer, cancellationToken);
            IsAtEnd = rest == 0;
            return rest;
        }

        int read = await daemon.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
        _left -= read > 0 ? read : throw daemon.Truncated("body");
        if (_left == 0)
        {
            await EndPartAsync(cancellationToken);
        }

        return read;
    }

    private async ValueTask StartChunkAsync(CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> line = await daemon.ReadLineAsync(cancellationToken);
        try
        {
            _left = ChunkLine.Parse(line.Span);
        }
        catch (FormatException e)
        {
            throw daemon.Malformed(e.Message, e);
        }

        if (_left == 0)
        {
            await SkipTrailersAsync(cancellationToken);
            IsAtEnd = true;
        }
    }

    private async ValueTask EndPartAsync(CancellationToken cancellationToken)
    {
        if (!framing.IsChunked)
        {
            IsAtEnd = true;
        }
        else if (!(await daemon.ReadLineAsync(cancellationToken)).IsEmpty)
        {
            throw daemon.Malformed("a chunk of the body is longer than its line says");
        }
    }

    private async ValueTask SkipTrailersAsync(CancellationToken cancellationToken)
    {
        int length = 0;
        ReadOnlyMemory<byte> line;
        while (!(line = await daemon.ReadLineAsync(cancellationToken)).IsEmpty)
        {
            length += line.Length;
            if (length > LargestTrailers)
            {
                throw daemon.Malformed($"the trailers of the body have more than {LargestTrailers} bytes");
            }
        }
    }
}
