namespace ImageIO.Client;

/// <summary>How an image is copied.</summary>
public sealed record CopyOptions
{
    /// <summary>Most connections that move data at once, 1 to 8; the server may allow fewer.</summary>
    public int MaxWorkers
    {
        get;
        init => field = value is >= 1 and <= 8
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "There must be 1 to 8 workers.");
    } = 4;

    /// <summary>Bytes that a worker reads ahead, 64 KiB to 16 MiB. 4 workers with 4 MiB each were measured the fastest.</summary>
    public int BufferSize
    {
        get;
        init => field = value is >= 64 * 1024 and <= 16 * 1024 * 1024
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "The buffer size must be from 64 KiB to 16 MiB.");
    } = 4 * 1024 * 1024;

    /// <summary>Most attempts in a row that bring nothing forward.</summary>
    public int Retries { get; init; } = 5;

    /// <summary>Most bytes a second, all workers together. Null: no limit.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>Whether the copy ends with a comparison of checksums.</summary>
    public bool Verifies { get; init; }

    /// <summary>
    /// Whether the destination is known to read as zeroes before the copy: what is zero is skipped then.
    /// </summary>
    public bool IsDestinationZero { get; init; }

    /// <summary>
    /// Whether holes show something below and must stay: an upload into a snapshot, or a download over a backing file.
    /// </summary>
    public bool KeepsHoles { get; init; }

    /// <summary>Whether only what changed since a checkpoint is downloaded.</summary>
    public bool IsIncremental { get; init; }

    /// <summary>Whether what the source does not cover of a larger destination is left as it is, in place of zeroing it.</summary>
    public bool KeepsRest { get; init; }

    /// <summary>File that remembers what is durable, so that an interrupted copy can go on. Null: none.</summary>
    public string? ResumeFile { get; init; }

    /// <summary>What identifies the local file in <see cref="ResumeFile"/>: a copy of another file does not go on.</summary>
    public string? ResumeIdentity { get; init; }

    /// <summary>Engine's transfer, noted in <see cref="ResumeFile"/>.</summary>
    internal string? ResumeTransferId { get; init; }

    /// <summary>Engine's disk, noted in <see cref="ResumeFile"/>.</summary>
    internal string? ResumeDiskId { get; init; }

    /// <summary>Bytes that may be lost by an interruption before they are made durable.</summary>
    internal long FlushBytes { get; init; } = 4L * 1024 * 1024 * 1024;

    /// <summary>Time after which data is made durable.</summary>
    internal TimeSpan FlushPeriod { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The first wait before an attempt; the next ones are longer.</summary>
    internal TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);
}
