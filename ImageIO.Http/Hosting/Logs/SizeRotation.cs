namespace ImageIO.Http.Hosting.Logs;

/// <summary>Rotation by size: <c>daemon.log</c> becomes <c>daemon.log.1</c>, which becomes
/// <c>daemon.log.2</c>.</summary>
/// <param name="MaxBytes">The file is renamed before it reaches this size.</param>
public sealed record SizeRotation(long MaxBytes) : LogRotation
{
    // Without backups the file is not renamed and grows, as with Python's handler.
    internal override bool IsDue(long size, int length, DateTimeOffset begun, DateTimeOffset now) =>
        MaxBytes > 0 && BackupCount > 0 && size > 0 && size + length >= MaxBytes;

    internal override void Rename(string path, DateTimeOffset begun) => Shift(path, BackupCount);

    /// <summary>Renames a file to number 1, and numbered ones to the next number. The last one is lost.</summary>
    internal static void Shift(string path, int backupCount)
    {
        for (int number = backupCount - 1; number > 0; number--)
        {
            if (File.Exists($"{path}.{number}"))
            {
                File.Move($"{path}.{number}", $"{path}.{number + 1}", overwrite: true);
            }
        }

        File.Move(path, $"{path}.1", overwrite: true);
    }
}
