namespace ImageIO.Http.Forwarding;

/// <summary>Where a client's request goes to, and what of it and its answer differs from the client's and the daemon's.</summary>
public sealed record ForwardRequest
{
    /// <summary>The daemon.</summary>
    public required UpstreamUrl Upstream { get; init; }

    /// <summary>The resource there: path and query, percent-encoded; it is sent as it is.</summary>
    public required string PathAndQuery { get; init; }

    /// <summary>
    /// Whether the daemon may take as long as its storage takes to answer, once it has the whole request: for requests
    /// that write, and for checksums.
    /// </summary>
    public bool MayAnswerLate { get; init; }

    /// <summary>Counts the bytes moved.</summary>
    public ForwardProgress Progress { get; init; } = new();

    /// <summary>Whether the bodies are image data, which <see cref="Progress"/> counts.</summary>
    public bool CountsBody { get; init; } = true;

    /// <summary>The request's body, which was read already. Null: the client's.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>What the client may see of the image that it reads. Null: all that the daemon shows.</summary>
    public ImageView? View { get; init; }

    /// <summary>Most bytes of a request's body; more is refused. Null: any number.</summary>
    public long? UploadLimit { get; init; }

    /// <summary>What the answer's <c>Allow</c> field says instead of the daemon's own. Null: that.</summary>
    public string? AllowedMethods { get; init; }

    /// <summary>Answers the client from the body of an answer of 200. Null: the body goes through as it is.</summary>
    public Func<Stream, CancellationToken, Task>? ReadAnswer { get; init; }
}
