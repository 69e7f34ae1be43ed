namespace ImageIO.Http.Hosting.Logs;

/// <summary>Decides when a log file is renamed, and how: the newest lines are always in the file of the plain name.</summary>
public abstract record LogRotation
{
    /// <summary>Files that are kept beside the newest.</summary>
    public int BackupCount { get; init; }

    /// <summary>Whether the file is renamed before a line is written.</summary>
    /// <param name="size">Bytes in the file.</param>
    /// <param name="length">Bytes of the line.</param>
    /// <param name="begun">When the file was written last before it was opened; of a new file, when it was made.</param>
    /// <param name="now">When the line was logged.</param>
    internal abstract bool IsDue(long size, int length, DateTimeOffset begun, DateTimeOffset now);

    /// <summary>Renames it, and removes those that are too many.</summary>
    /// <exception cref="IOException">The directory does not allow it.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    internal abstract void Rename(string path, DateTimeOffset begun);
}
