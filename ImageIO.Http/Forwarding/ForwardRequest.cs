namespace ImageIO.Http.Forwarding;

/// <summary>The destination of a client's request, and how request and answer are changed on the way.</summary>
public sealed record ForwardRequest
{
    /// <summary>The daemon.</summary>
    public required UpstreamUrl Upstream { get; init; }

    /// <summary>The resource there: path and query, percent-encoded. Sent as it is.</summary>
    public required string PathAndQuery { get; init; }

    /// <summary>
    /// Whether the daemon may take as long as its storage to answer after the whole request: for requests that write,
    /// and for checksums.
    /// </summary>
    public bool MayAnswerLate { get; init; }

    /// <summary>Counts the bytes moved.</summary>
    public ForwardProgress Progress { get; init; } = new();

    /// <summary>Whether the bodies are image data, which <see cref="Progress"/> counts.</summary>
    public bool CountsBody { get; init; } = true;

    /// <summary>The request's body, if it was read already. Null: the client's body is passed on.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>The part of the image that the client may read. Null: all that the daemon shows.</summary>
    public ImageView? View { get; init; }

    /// <summary>Most bytes of a request's body; a longer one is refused. Null: any number.</summary>
    public long? UploadLimit { get; init; }

    /// <summary>Replaces the answer's <c>Allow</c> field. Null: the daemon's field is passed on.</summary>
    public string? AllowedMethods { get; init; }

    /// <summary>Answers the client from the body of a 200. Null: the body is passed on.</summary>
    public Func<Stream, CancellationToken, Task>? ReadAnswer { get; init; }
}
