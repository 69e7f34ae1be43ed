namespace ImageIO.Http.Forwarding;

/// <summary>Image bytes that a forwarded request has moved. Can be read at any time.</summary>
public sealed class ForwardProgress
{
    private long _bytes;

    /// <summary>Bytes of the request's body received from the client, plus bytes of the answer's body that it
    /// took.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Bytes to move in all. Null: not known, or not known yet.</summary>
    public long? Length { get; internal set; }

    internal void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);
}
