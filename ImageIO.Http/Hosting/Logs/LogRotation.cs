namespace ImageIO.Http.Hosting.Logs;

/// <summary>Decides when and how a log file is renamed. The newest lines are always in the file without a
/// suffix.</summary>
public abstract record LogRotation
{
    /// <summary>Old files to keep.</summary>
    public int BackupCount { get; init; }

    /// <summary>Whether to rename the file before a line is written.</summary>
    /// <param name="size">Bytes in the file.</param>
    /// <param name="length">Bytes of the line.</param>
    /// <param name="begun">When the file was last written before it was opened, or when it was created.</param>
    /// <param name="now">When the line was logged.</param>
    internal abstract bool IsDue(long size, int length, DateTimeOffset begun, DateTimeOffset now);

    /// <summary>Renames the file, and removes the oldest ones.</summary>
    /// <exception cref="IOException">The directory does not permit it.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory does not permit it.</exception>
    internal abstract void Rename(string path, DateTimeOffset begun);
}
