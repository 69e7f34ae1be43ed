namespace ImageIO.Transport.Files;

/// <summary>
/// The parsed content of a file, read again when the file changes. If the changed file cannot be used, the old content
/// is not used either: an authority that was withdrawn must not stay trusted.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="read">Reads and parses it.</param>
/// <typeparam name="T">The parsed content.</typeparam>
public sealed class ReloadedFile<T>(string path, Func<string, T> read)
    where T : class
{
    private readonly Lock _lock = new();
    private FileState _loadedFrom;
    private T? _content;

    /// <summary>The content of the file as it is now. Exceptions of the reader pass through.</summary>
    public T Current()
    {
        lock (_lock)
        {
            var now = FileState.Of(path);
            if (_content is null || now != _loadedFrom)
            {
                _content = null;
                // Taken before the read, so that a later change is read next time.
                _loadedFrom = now;
                _content = read(path);
            }

            return _content;
        }
    }
}
