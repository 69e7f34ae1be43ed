namespace ImageIO.Backends.File;

/// <summary>The open files, by identity. An entry is removed with its last handle. Thread-safe.</summary>
internal sealed class SharedFiles
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _files = new(StringComparer.Ordinal);

    /// <summary>The shared state of a file. Each call must be followed by a <see cref="Close"/>.</summary>
    public SharedFile Open(string identity)
    {
        lock (_lock)
        {
            if (!_files.TryGetValue(identity, out Entry? entry))
            {
                _files[identity] = entry = new Entry();
            }

            entry.Handles++;
            return entry.File;
        }
    }

    /// <summary>Called when a handle is closed.</summary>
    public void Close(string identity)
    {
        lock (_lock)
        {
            Entry entry = _files[identity];
            if (--entry.Handles == 0)
            {
                _files.Remove(identity);
                entry.File.Dispose();
            }
        }
    }

    private sealed class Entry
    {
        public SharedFile File { get; } = new();

        public int Handles { get; set; }
    }
}
