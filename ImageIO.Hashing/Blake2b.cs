namespace ImageIO.Hashing;

/// <summary>BLAKE2b of one message (RFC 7693), without a key. Used by one thread at a time.</summary>
public sealed class Blake2b
{
    /// <summary>Most bytes that a digest has.</summary>
    public const int LargestDigest = 64;

    private readonly Instructions _instructions;
    private Blake2bState _state;

    /// <summary>Begins a message.</summary>
    /// <param name="digestSize">Bytes of the digest, 1 to <see cref="LargestDigest"/>.</param>
    public Blake2b(int digestSize)
        : this(digestSize, Kernels.Best)
    {
    }

    /// <param name="digestSize">Bytes of the digest.</param>
    /// <param name="instructions">The processor's instructions that may be used.</param>
    internal Blake2b(int digestSize, Instructions instructions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(digestSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(digestSize, LargestDigest);
        DigestSize = digestSize;
        _instructions = instructions;
        _state = Blake2bState.Begin(digestSize);
    }

    /// <summary>Bytes of the digest.</summary>
    public int DigestSize { get; }

    /// <summary>Another one that has come as far as this one.</summary>
    public Blake2b Copy() => new(DigestSize, _instructions) { _state = _state };

    /// <summary>Hashes more bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => _state.Append(bytes, _instructions);

    /// <summary>Writes the digest of everything appended, and begins a new message.</summary>
    /// <param name="digest">Of <see cref="DigestSize"/> bytes or more; those after the digest are not touched.</param>
    public void Finish(Span<byte> digest)
    {
        _state.Finish(digest[..DigestSize], _instructions);
        _state = Blake2bState.Begin(DigestSize);
    }
}
