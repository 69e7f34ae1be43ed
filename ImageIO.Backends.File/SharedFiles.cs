namespace ImageIO.Backends.File;

/// <summary>The files that are open, by their identity. An entry goes with its last handle. Thread-safe.</summary>
internal sealed class SharedFiles
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _files = new(StringComparer.Ordinal);

    /// <summary>What handles on this file share. Each call is followed by one of <see cref="Close"/>.</summary>
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

    /// <summary>A handle is closed.</summary>
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
