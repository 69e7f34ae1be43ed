using ImageIO.Transport.Sockets;

namespace ImageIO.Http.Messages;

/// <summary>A stream with a limit on its bytes, for bodies that are gathered in memory.</summary>
/// <param name="inner">The bytes.</param>
/// <param name="most">The limit.</param>
internal sealed class BoundedStream(Stream inner, long most) : AsyncStream
{
    private long _done;

    /// <inheritdoc />
    public override bool CanRead => true;

    /// <inheritdoc />
    /// <exception cref="InvalidDataException">More bytes came.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await inner.ReadAsync(buffer, cancellationToken);
        _done += read;
        return _done <= most ? read : throw new InvalidDataException($"There are more than {most} bytes.");
    }
}
