using ImageIO.Http.Listeners;

namespace ImageIO.Http.Messages;

/// <summary>The bytes of a stream as long as they are not too many: for what is gathered in memory.</summary>
/// <param name="inner">The bytes.</param>
/// <param name="most">How many may come.</param>
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
