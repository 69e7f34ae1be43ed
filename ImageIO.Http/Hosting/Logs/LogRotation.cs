namespace ImageIO.Http.Hosting.Logs;

/// <summary>Decides when a log file is renamed, and how: the newest lines are always in the file of the plain name.</summary>
public abstract record LogRotation
{
    /// <summary>Files that are kept beside the newest; 0: all, or with a size limit none.</summary>
    public int BackupCount { get; init; }

    /// <summary>Looks at a file that was just opened.</summary>
    /// <param name="written">When it was written last.</param>
    internal abstract void Opened(DateTimeOffset written);

    /// <summary>Whether it is renamed before a line is written.</summary>
    /// <param name="size">Bytes in the file.</param>
    /// <param name="length">Bytes of the line.</param>
    /// <param name="now">When the line was logged.</param>
    internal abstract bool IsDue(long size, int length, DateTimeOffset now);

    /// <summary>Renames it, and removes those that are too many.</summary>
    /// <exception cref="IOException">The directory does not allow it.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    internal abstract void Rename(string path, DateTimeOffset now);
}
