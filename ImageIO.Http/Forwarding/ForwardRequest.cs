namespace ImageIO.Http.Forwarding;

/// <summary>Where a client's request goes to, beside what it says itself.</summary>
public sealed record ForwardRequest
{
    /// <summary>The daemon.</summary>
    public required UpstreamUrl Upstream { get; init; }

    /// <summary>The resource there: path and query, percent-encoded; goes out as it is.</summary>
    public required string PathAndQuery { get; init; }

    /// <summary>
    /// Whether the daemon may take as long as its storage takes to answer, once it has the whole request: for requests
    /// that write, and for checksums.
    /// </summary>
    public bool MayAnswerLate { get; init; }

    /// <summary>Counts what is moved.</summary>
    public ForwardProgress Progress { get; init; } = new();

    /// <summary>Whether the bodies are image data, which <see cref="Progress"/> counts.</summary>
    public bool CountsBody { get; init; } = true;

    /// <summary>Where the client's view of the image ends: what the daemon answers beyond it is cut off. Null: where it ends.</summary>
    public long? ImageLimit { get; init; }

    /// <summary>Most bytes of a request's body; more is refused. Null: any number.</summary>
    public long? UploadLimit { get; init; }

    /// <summary>What the answer's <c>Allow</c> header says instead of the daemon's own. Null: that.</summary>
    public string? AllowedMethods { get; init; }

    /// <summary>Changes the body of a small answer of 200. Null: it goes through as it is.</summary>
    public Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>? RewriteAnswer { get; init; }
}
