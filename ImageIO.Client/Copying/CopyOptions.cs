namespace ImageIO.Client.Copying;

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

    /// <summary>
    /// Bytes that a worker reads ahead, 64 KiB to 16 MiB. 4 workers with 4 MiB each were measured the fastest.
    /// </summary>
    public int BufferSize
    {
        get;
        init => field = value is >= 64 * 1024 and <= 16 * 1024 * 1024
            ? value
            : throw new ArgumentOutOfRangeException(
                nameof(value), value, "The buffer size must be from 64 KiB to 16 MiB.");
    } = 4 * 1024 * 1024;

    /// <summary>Most attempts in a row without progress.</summary>
    public int Retries { get; init; } = 5;

    /// <summary>Most bytes a second for all workers together. Null: no limit.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>Whether to compare checksums at the end.</summary>
    public bool Verifies { get; init; }

    /// <summary>Whether the destination reads as zeroes before the copy. Zeroes are skipped then.</summary>
    public bool IsDestinationZero { get; init; }

    /// <summary>
    /// Whether to keep holes, because they show a lower layer: an upload into a snapshot, or a download over a backing
    /// file.
    /// </summary>
    public bool KeepsHoles { get; init; }

    /// <summary>Whether to download only ranges that changed since a checkpoint.</summary>
    public bool IsIncremental { get; init; }

    /// <summary>Whether to keep the bytes of a larger destination behind the source's end, instead of zeroing
    /// them.</summary>
    public bool KeepsRest { get; init; }

    /// <summary>File that records which ranges are durable, to resume an interrupted copy. Null: none.</summary>
    public string? ResumeFile { get; init; }

    /// <summary>Identifies the local file in <see cref="ResumeFile"/>, because only the same file can be
    /// resumed.</summary>
    public string? ResumeIdentity { get; init; }

    /// <summary>Engine's transfer, saved in <see cref="ResumeFile"/>.</summary>
    internal string? ResumeTransferId { get; init; }

    /// <summary>Engine's disk, saved in <see cref="ResumeFile"/>.</summary>
    internal string? ResumeDiskId { get; init; }

    /// <summary>Most unflushed bytes, which an interruption may lose.</summary>
    internal long FlushBytes { get; init; } = 4L * 1024 * 1024 * 1024;

    /// <summary>Time between flushes.</summary>
    internal TimeSpan FlushPeriod { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The wait before the first retry. Later waits are longer.</summary>
    internal TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);
}
