namespace ImageIO.Http.Hosting.Logs;

/// <summary>A file.</summary>
/// <param name="Path">Its path.</param>
public sealed record LogFileTarget(string Path) : LogTarget
{
    /// <summary>When the file is renamed and a new one started. Null: never.</summary>
    public LogRotation? Rotation { get; init; }

    /// <summary>Whether the start removes lines of earlier processes.</summary>
    public bool Truncates { get; init; }

    /// <summary>Whether to check the path before each line, because another program (logrotate) renames the
    /// file.</summary>
    public bool IsWatched { get; init; }
}
