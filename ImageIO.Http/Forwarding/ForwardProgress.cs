namespace ImageIO.Http.Forwarding;

/// <summary>How many bytes of image data a forwarded request has moved; may be read at any moment.</summary>
public sealed class ForwardProgress
{
    private long _bytes;

    /// <summary>Bytes of the request's body that came from the client, and of the answer's body that it took.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Bytes that were to be moved. Null: not known, or not known yet.</summary>
    public long? Length { get; internal set; }

    internal void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);
}
